"""XGBoost through the platform, held against XGBoost called directly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.algorithms import algorithm_faults, algorithms
from ml_platform.declarations.allowed_values import value_fault
from ml_platform.declarations.checks.params import monotone_fault, param_faults
from ml_platform.declarations.model import Algorithm, Task
from ml_platform.models.environment import environment
from ml_platform.models.estimators.base import Estimator
from ml_platform.models.estimators.registry import fit_estimator, load_estimator
from ml_platform.models.inputs.matrix import encode
from tests.models.estimators.test_registry import _fitting, _row
from tests.models.rows import SEGMENTS, shop_project
from tests.models.test_algorithm_params import _probes

pytestmark = pytest.mark.slow

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "quantile")
OBJECTIVES: dict[str, dict[str, Any]] = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
    "quantile": {"objective": "reg:quantileerror", "quantile_alpha": 0.8},
}
PARAMS = {"n_estimators": 12, "subsample": 0.7, "max_depth": 4}


def direct(fitting: Any, rows: Any, rounds: int = 12, **more: Any) -> np.ndarray:
    """Return what the library itself predicts."""
    kinds = ["q", "c", "q"]
    train = xgboost.DMatrix(fitting.matrix.values, fitting.label, feature_types=kinds, enable_categorical=True)
    params: dict[str, Any] = {**OBJECTIVES[fitting.task], "subsample": 0.7, "max_depth": 4, "seed": 5, **more}
    trained = xgboost.train(params, train, rounds)
    return np.asarray(trained.predict(xgboost.DMatrix(rows.values, feature_types=kinds, enable_categorical=True)))


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_those_of_the_library_and_come_back_alone_and_among_others(task: Task) -> None:
    fitting = _fitting("xgboost", task, params=PARAMS, seed=5)
    fitted = fit_estimator(fitting)
    scores = fitted.predict(fitting.validate)
    np.testing.assert_array_equal(scores, direct(fitting, fitting.validate))
    reloaded = load_estimator(fitted.kind, fitted.save(), None)
    np.testing.assert_array_equal(reloaded.predict(fitting.validate), scores)
    for index in (0, 57, 119):
        np.testing.assert_array_equal(reloaded.predict(_row(fitting.validate, index))[0], scores[index])
    threads = fit_estimator(_fitting("xgboost", task, params=PARAMS, seed=5, threads=2))
    assert content_id(reloaded.state()) == content_id(fitted.state()) == content_id(threads.state())
    assert content_id(fitted.state()) != content_id(fit_estimator(_fitting("xgboost", task, params=PARAMS)).state())
    assert (fitted.iterations, next(iter(fitted.importances(fitting.matrix.names)))) == (12, "t.x")


@pytest.mark.parametrize("task", TASKS)
def test_contributions_are_those_of_the_library_and_add_up(task: Task) -> None:
    fitting = _fitting("xgboost", task, params=PARAMS)
    fitted: Any = fit_estimator(fitting)
    terms = fitted.contributions(fitting.validate)
    kinds = ["q", "c", "q"]
    rows = xgboost.DMatrix(fitting.validate.values, feature_types=kinds, enable_categorical=True)
    shap = np.asarray(fitted.booster.predict(rows, pred_contribs=True)).reshape(120, len(terms.raw), 4)
    margin = np.asarray(fitted.booster.predict(rows, output_margin=True)).reshape(120, -1)
    for number, (amounts, base, raw) in enumerate(zip(terms.amounts, terms.base, terms.raw, strict=True)):
        np.testing.assert_array_equal(raw, margin[:, number])
        np.testing.assert_array_equal(amounts, shap[:, number, :3])
        np.testing.assert_allclose(base, shap[:, number, 3], atol=1e-5)
        np.testing.assert_allclose(amounts.sum(axis=1) + base, raw, rtol=1e-12, atol=1e-12)


def test_the_number_of_trees_is_chosen_on_the_validate_stretch() -> None:
    params = {"n_estimators": 300, "learning_rate": 0.3, "early_stopping_rounds": 5}
    fitting = _fitting("xgboost", params=params)
    fitted = fit_estimator(fitting)
    kinds = ["q", "c", "q"]
    train, validate = (
        xgboost.DMatrix(part.values, label, feature_types=kinds, enable_categorical=True)
        for part, label in ((fitting.matrix, fitting.label), (fitting.validate, fitting.validate_label))
    )
    oracle = xgboost.train(
        {"objective": "binary:logistic"},
        train,
        300,
        evals=[(validate, "v")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    assert fitted.iterations == oracle.best_iteration + 1 < 60
    np.testing.assert_array_equal(
        fitted.predict(fitting.validate), oracle.predict(validate, iteration_range=(0, oracle.best_iteration + 1))
    )
    assert algorithms()["xgboost"].stops_early(params)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_monotone_column_never_lowers_the_score(task: Task) -> None:
    def change(**more: Any) -> np.ndarray:
        fitting = _fitting("xgboost", task, **more)
        fitted: Estimator = fit_estimator(fitting)
        low, high = (fitting.matrix.frame.assign(**{"t.noise": value}) for value in (-2.0, 2.0))
        scores = [fitted.predict(encode(frame, fitting.matrix.columns)) for frame in (low, high)]
        return np.asarray(scores[1] - scores[0])

    assert (change(monotone={"t.noise": "increasing"}) >= 0).all()
    assert (change() < 0).any()


@pytest.mark.parametrize(("objective", "task"), [("reg:absoluteerror", "regression"), (None, "quantile")])
def test_monotone_is_a_fault_where_leaves_are_refitted(objective: str | None, task: Task) -> None:
    params = {} if objective is None else {"objective": objective}
    algorithm = Algorithm(name="xgboost", params=params, monotone={"t.x": "increasing"})
    assert "does not keep monotone for the loss" in str(monotone_fault(algorithm, task))
    assert monotone_fault(Algorithm(name="xgboost", monotone={"t.x": "increasing"}), "regression") is None


@pytest.mark.parametrize(
    "param", sorted(set(algorithms()["xgboost"].params) - {"n_estimators", "early_stopping_rounds"})
)
def test_the_library_takes_every_value_that_a_declaration_may_give(param: str) -> None:
    kind, rows = algorithms()["xgboost"], np.random.default_rng(0).random((40, 2))
    matrix = xgboost.DMatrix(rows, rows[:, 0])
    loss = {"huber_slope": "reg:pseudohubererror", "tweedie_variance_power": "reg:tweedie"}.get(param)
    refused = []
    for value in _probes(kind.params[param]):
        more = {"max_leaves": 4} if param == "max_depth" and value == 0 else {}
        try:
            xgboost.train({"objective": loss or "reg:squarederror", **more, param: value, "verbosity": 0}, matrix, 1)
        except (xgboost.core.XGBoostError, TypeError, ValueError):
            refused.append(value)
    assert [value for value in refused if value_fault(kind.params[param], value) is None] == []
    assert refused


@pytest.mark.parametrize(
    ("params", "task", "fault"),
    [
        ({"objective": "reg:gamma"}, "binary", "follows from task binary"),
        ({"huber_slope": 2.0}, "regression", "belongs to objective reg:pseudohubererror"),
        ({"scale_pos_weight": 2.0}, "regression", "belongs to binary models"),
        ({"max_depth": 0}, "binary", "needs max_leaves"),
        ({"max_depth": -1}, "binary", "must be a whole number from 0 to 50, found -1"),
    ],
)
def test_a_wrong_parameter_is_a_fault(params: dict[str, Any], task: Task, fault: str) -> None:
    (actual,) = param_faults(Algorithm(name="xgboost", params=params), task)
    assert fault in actual[1]


def test_another_name_of_a_parameter_is_named() -> None:
    (actual,) = algorithm_faults(Algorithm(name="xgboost", params={"eta": 0.1}), "binary")
    assert actual == "xgboost has no parameter 'eta' here. Write it as learning_rate"


def test_numbers_beyond_32_bits_are_the_largest_that_it_sees() -> None:
    fitting = _fitting("xgboost", params=PARAMS)
    frame = fitting.validate.frame.assign(**{"t.x": 1e300})
    scores = fit_estimator(fitting).predict(encode(frame, fitting.matrix.columns))
    np.testing.assert_array_equal(
        scores, fit_estimator(fitting).predict(encode(frame.assign(**{"t.x": 1e30}), fitting.matrix.columns))
    )


def test_its_version_is_in_the_environment_of_models_that_use_it_and_of_no_other(tmp_path: Path) -> None:
    spec = shop_project(
        tmp_path,
        models__lane=SEGMENTS.replace("{name: lightgbm, params: {num_iterations: 20, num_leaves: 7}}", "xgboost"),
    ).spec
    assert environment(spec.models["lane"])["xgboost"] == xgboost.__version__
    assert "xgboost" not in environment(spec.models["late_parcel"])


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(
        TrainingError, match=r"xgboost is not installed\. Install it with: pip install 'ml-platform\[xgboost\]'"
    ):
        fit_estimator(_fitting("xgboost"))
    monkeypatch.setattr("ml_platform.declarations.algorithms.find_spec", lambda name: None)
    assert list(algorithm_faults(Algorithm(name="xgboost"), "binary")) == [
        "xgboost is not installed. Install it with: pip install 'ml-platform[xgboost]'"
    ]
