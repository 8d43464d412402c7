"""Classes of a project are tried when it is validated: each kind of fault is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.cli.project import validate_project
from tests.models.estimators.test_plain_class import CUSTOM
from tests.models.estimators.test_user_class import MEANS
from tests.models.rows import SEGMENTS, write_project

pytestmark = pytest.mark.slow

ALGORITHM = "algorithm: {name: lightgbm, params: {num_iterations: 20, num_leaves: 7}}"
STRICT = """
from sklearn.base import BaseEstimator


class Strict(BaseEstimator):
    def fit(self, X, y):
        {check}
        self.classes_ = sorted(set(y.tolist()))
        return self

    def predict_proba(self, X):
        import numpy as np

        return np.full((len(X), 3), 1 / 3)
"""


def validated(tmp_path: Path, name: str, source: str, **params: object) -> int:
    algorithm = f"algorithm: {{name: 'mine:{name}', params: {params or {}}}}".replace("'", '"')
    write_project(tmp_path, models__lane=SEGMENTS.replace(ALGORITHM, algorithm))
    (tmp_path / "mine.py").write_text(source)
    return validate_project(tmp_path, as_json=False)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("KNeighborsClassifier", CUSTOM),
        ("Forest", CUSTOM),
        (
            "Means",
            MEANS.replace('"t.s"', '"orders.courier"')
            .replace("return np.array([", "return np.array([[1, 0, 0] if not ")
            .replace(".get(name, 0.5)", " else [0, 1, 0]")
            .replace(" * self.weight", ""),
        ),
    ],
)
def test_classes_of_both_contracts_are_fitted_on_rows_with_every_class_nulls_and_categories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, source: str
) -> None:
    assert validated(tmp_path, name, source) == 0, capsys.readouterr().err
    assert "mine:" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("1 / 0", "fit failed with ZeroDivisionError"),
        ("assert len(set(y.tolist())) < 3, 'three classes'", "three classes"),
        ("assert (X['orders.courier'] != 'a').all(), 'a category'", "a category"),
        ("assert isinstance(X, list)", "fit failed with AssertionError"),
        ("self.draw_ = __import__('random').random()", "is fitted to another state each time"),
        ("self.one_ = __import__('decimal').Decimal(1)", "mine:Strict: the state of decimal.Decimal cannot be read"),
        (
            "self.one_ = __import__('argparse').Namespace(a=1)",
            "mine:Strict holds argparse.Namespace, which is not kept",
        ),
    ],
)
def test_a_fault_of_a_class_is_reported_by_validate_at_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], check: str, message: str
) -> None:
    assert validated(tmp_path, "Strict", STRICT.format(check=check)) == 1
    error = capsys.readouterr().err
    assert "models/lane.yaml:" in error
    assert "algorithm: on 20 made-up rows, mine:Strict" in error
    assert message in error


def test_a_module_that_cannot_be_imported_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validated(tmp_path, "Strict", "import nowhere_to_be_found\n" + STRICT.format(check="pass")) == 1
    assert "No module named 'nowhere_to_be_found'" in capsys.readouterr().err


def test_a_class_that_fails_at_nulls_only_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check = "assert X['orders.items'].notna().all(), 'a null'"
    assert validated(tmp_path, "Strict", STRICT.format(check=check)) == 0
    out = capsys.readouterr().out
    assert "note: models/lane.yaml:" in out
    assert "mine:Strict can be fitted only where no feature is null" in out


def test_libraries_are_imported_for_classes_of_a_project_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ml_platform.models.trial", None)  # importing it would fail
    write_project(tmp_path)
    assert validate_project(tmp_path, as_json=False) == 0
