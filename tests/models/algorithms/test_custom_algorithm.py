"""An algorithm of an installed package: declared, checked, fitted, kept, explained; the platform has no name of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ml_platform.audit.explain.contributions import contributions_of
from ml_platform.core.errors import PlatformError
from ml_platform.declarations.algorithms import algorithms
from ml_platform.models.bundled_code import Code
from ml_platform.models.environment import environment
from ml_platform.models.estimators.registry import load_estimator
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.train import fit_predictors
from ml_platform.project import Project
from tests.core.expressions.test_functions import code_of
from tests.installed import install
from tests.models.rows import SEGMENTS, shop_project, snapshot

pytestmark = pytest.mark.slow

POINTS = """
    [ml_platform.algorithms]
    least_squares = own_algorithm:LeastSquares
"""
ALGORITHM = "algorithm: {name: lightgbm, params: {num_iterations: 20, num_leaves: 7}}"
LATENESS = (
    SEGMENTS.replace("name: lane", "name: minutes")
    .replace("task: multiclass", "task: regression")
    .replace("expression: courier,", "expression: minutes_late,")
    .partition("value:")[0]
    + """value: {payoff: "-abs(label - prediction)", do_nothing: "0"}
deployment: {batch: "0 * * * * UTC"}
monitoring: {window: 3d}
"""
)


@pytest.fixture(autouse=True)
def custom_algorithms() -> Iterator[None]:
    algorithms.cache_clear()
    yield
    algorithms.cache_clear()


def declared(tmp_path: Path, algorithm: str) -> Project:
    return shop_project(tmp_path / "shop", models__minutes=LATENESS.replace(ALGORITHM, f"algorithm: {algorithm}"))


def test_the_algorithm_of_the_guide_is_declared_fitted_kept_and_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "own_algorithm", code_of("An algorithm of your own"), POINTS)
    project = declared(tmp_path, "{name: own_least_squares, params: {penalty: 2.0}}")
    rows, model = snapshot(label="minutes"), project.spec.models["minutes"]
    fitted = fit_predictors(project.spec, model, Code({}, project.root, tmp_path), rows)
    prepared = fitted.prepared
    predictor = fitted.predictors["predictor"]
    x = np.nan_to_num(prepared.train.values)
    oracle = Ridge(alpha=2.0, fit_intercept=False).fit(x, prepared.label)
    asked = rows.part("test").head(20)
    seen = predictor.encode(read_columns(asked, predictor.inputs))
    scores = predictor.predict(asked)["score"].to_numpy()
    np.testing.assert_allclose(scores, oracle.predict(np.nan_to_num(seen.values)), rtol=1e-9)
    reloaded = load_estimator("own_least_squares", predictor.estimator.save(), None)
    assert reloaded.predict(seen).tolist() == scores.tolist()
    (first,) = contributions_of(predictor, read_columns(asked, predictor.inputs))[0]
    assert (first.method, first.adds_up, first.steps[0].figure) == ("linear", True, scores[0])
    assert environment(model)["own_algorithm"] == "1.0"
    assert "own_algorithm" not in environment(project.spec.models["late_parcel"])


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        ("{name: own_least_squares, params: {penalti: 1}}", r"no parameter 'penalti' .* Did you mean penalty\?"),
        ("{name: own_least_squares, params: {penalty: -1}}", r"penalty must be a number of at least 0, found -1"),
        ("{name: own_least_square}", r"'own_least_square' does not exist\. Did you mean own_least_squares\?"),
        (
            "{name: own_least_squares, monotone: {orders.items: increasing}}",
            "monotone is not kept by own_least_squares",
        ),
    ],
)
def test_what_is_declared_for_it_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, message: str
) -> None:
    install(tmp_path, monkeypatch, "own_algorithm", code_of("An algorithm of your own"), POINTS)
    with pytest.raises(PlatformError, match=message):
        declared(tmp_path, algorithm)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class LeastSquares:\n    name = 'own'", r"of own_algorithm is no Estimator of ml_platform\.models"),
        (
            "from ml_platform.models.algorithms import Estimator\nclass LeastSquares(Estimator):\n    name = 'own'",
            r"It lacks fit, load, predict, save, state\. Extend that class\.",
        ),
    ],
)
def test_a_class_that_cannot_be_used_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    install(tmp_path, monkeypatch, "own_algorithm", code, POINTS)
    with pytest.raises(PlatformError, match=message):
        algorithms()
