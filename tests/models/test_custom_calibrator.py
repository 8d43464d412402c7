"""A calibrator of an installed package: declared, checked, fitted, kept; the platform has no name of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.declarations.calibrators import calibrators
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.models.bundled_code import Code
from ml_platform.models.calibration import Calibration
from ml_platform.models.environment import environment
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.train import fit_predictors
from ml_platform.project import Project
from tests.core.expressions.test_functions import code_of
from tests.installed import install
from tests.models.rows import SEGMENTS, shop_project, snapshot

pytestmark = pytest.mark.slow

POINTS = """
    [ml_platform.calibrators]
    equal_bins = own_calibrator:EqualBins
"""


@pytest.fixture(autouse=True)
def custom_calibrators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    calibrators.cache_clear()
    code = code_of("A calibrator of your own").replace(
        "    min_rows", '    libraries = ("own_calibrator",)\n    min_rows'
    )
    install(tmp_path, monkeypatch, "own_calibrator", code, POINTS)
    yield
    calibrators.cache_clear()


def declared(tmp_path: Path, calibration: str) -> Project:
    lane = SEGMENTS.replace("algorithm:", f"calibration: {calibration}\nalgorithm:")
    return shop_project(tmp_path / "shop", models__lane=lane)


def test_the_calibrator_of_the_guide_is_declared_fitted_and_kept(tmp_path: Path) -> None:
    project = declared(tmp_path, "equal_bins")
    rows, model = snapshot(label="lane"), project.spec.models["lane"]
    fitted = fit_predictors(project.spec, model, Code({}, project.root, tmp_path), rows)
    prepared = fitted.prepared
    predictor = fitted.predictors["predictor"]
    raw = predictor.estimator.predict(prepared.validate)
    asked = read_columns(rows.part("test").head(30), predictor.inputs)
    expected = np.empty((30, 3))
    for row, scores in enumerate(predictor.estimator.predict(predictor.encode(asked))):
        for lane, score in enumerate(scores):
            alike = [index for index in range(len(raw)) if int(raw[index, lane] * 10) == int(score * 10)]
            hits = sum(prepared.validate_label[index] == lane for index in alike)
            expected[row, lane] = (hits + 1) / (len(alike) + 2)
        expected[row] /= expected[row].sum()
    scored = predictor.scores(asked)
    np.testing.assert_allclose(scored, expected, rtol=1e-12)
    restored = Calibration.from_json(predictor.calibration.to_json())
    assert restored.apply(raw).tolist() == predictor.calibration.apply(raw).tolist()
    assert restored.title == "equal_bins calibration"
    assert environment(model)["own_calibrator"] == "1.0"
    assert "own_calibrator" not in environment(project.spec.models["late_parcel"])


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (
            "equal_bin",
            r"must be none, choose, beta, equal_bins, isotonic, sigmoid or venn_abers, .* Did you mean equal_bins\?",
        ),
        ("3", r"calibration must be text, found 3\."),
    ],
)
def test_what_is_declared_is_checked(tmp_path: Path, calibration: str, message: str) -> None:
    with pytest.raises(PlatformError, match=message):
        declared(tmp_path, calibration)


def test_editors_know_its_name() -> None:
    names = json_schemas()["model"]["properties"]["calibration"]["enum"]
    assert names == ["none", "choose", "beta", "equal_bins", "isotonic", "sigmoid", "venn_abers"]


@pytest.mark.parametrize("task", ["task: regression", "task: quantile\nquantile: 0.9"])
def test_numbers_are_not_calibrated(tmp_path: Path, task: str) -> None:
    payoff = SEGMENTS.partition("value:")[0].replace("task: multiclass", task)
    payoff += 'value: {payoff: "-abs(label - prediction)", do_nothing: "0"}\ncalibration: sigmoid\n'
    payoff += 'deployment: {batch: "0 * * * * UTC"}\nmonitoring: {window: 3d}\n'
    with pytest.raises(
        PlatformError, match=r"calibration belongs to classes, found task (regression|quantile)\. Remove"
    ):
        shop_project(tmp_path / "shop", models__lane=payoff)
