"""CatBoost through the platform, held against CatBoost called directly."""

from __future__ import annotations

import sys
from typing import Any

import catboost
import numpy as np
import pytest

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.algorithms import algorithm_faults, algorithms
from ml_platform.declarations.allowed_values import value_fault
from ml_platform.declarations.checks.params import monotone_fault, param_faults
from ml_platform.declarations.model import Algorithm, Task
from ml_platform.models.estimators.base import Estimator
from ml_platform.models.estimators.registry import fit_estimator, load_estimator
from ml_platform.models.inputs.matrix import encode
from tests.models.estimators.test_registry import _fitting, _row
from tests.models.test_algorithm_params import _probes

pytestmark = pytest.mark.slow

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "quantile")
LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE", "quantile": "Quantile:alpha=0.8"}
PARAMS = {"iterations": 12, "depth": 4}


def pool(matrix: Any, label: Any = None) -> catboost.Pool:
    """Return rows for the library itself: t.x and t.noise are numbers, t.s is a category."""
    texts = [["" if np.isnan(code) else str(int(code))] for code in matrix.values[:, 1]]
    data = catboost.FeaturesData(
        num_feature_data=matrix.values[:, [0, 2]].astype("float32"),
        cat_feature_data=np.array([[text.encode() for text in row] for row in texts], dtype=object),
    )
    return catboost.Pool(data, label=label)


def direct(fitting: Any, **more: Any) -> catboost.CatBoost:
    """Return what the library itself fits."""
    params = {**PARAMS, "random_seed": 5, "logging_level": "Silent", "allow_writing_files": False, **more}
    estimator = catboost.CatBoost({"loss_function": LOSSES[fitting.task], **params})
    return estimator.fit(pool(fitting.matrix, fitting.label))


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_those_of_the_library_and_come_back_alone_and_among_others(task: Task) -> None:
    fitting = _fitting("catboost", task, params=PARAMS, seed=5)
    fitted = fit_estimator(fitting)
    scores = fitted.predict(fitting.validate)
    kind = "Probability" if fitting.classes else "RawFormulaVal"
    oracle = direct(fitting).predict(pool(fitting.validate), prediction_type=kind)
    np.testing.assert_array_equal(scores, oracle[:, 1] if task == "binary" else oracle)
    reloaded = load_estimator(fitted.kind, fitted.save(), None)
    np.testing.assert_array_equal(reloaded.predict(fitting.validate), scores)
    for index in (0, 57, 119):
        np.testing.assert_array_equal(reloaded.predict(_row(fitting.validate, index))[0], scores[index])
    threads = fit_estimator(_fitting("catboost", task, params=PARAMS, seed=5, threads=2))
    assert content_id(reloaded.state()) == content_id(fitted.state()) == content_id(threads.state())
    assert content_id(fitted.state()) != content_id(fit_estimator(_fitting("catboost", task, params=PARAMS)).state())
    assert (fitted.iterations, next(iter(fitted.importances(fitting.matrix.names)))) == (12, "t.x")


@pytest.mark.parametrize("task", TASKS)
def test_contributions_are_those_of_the_library_by_column_and_add_up(task: Task) -> None:
    fitting = _fitting("catboost", task, params=PARAMS, seed=5)
    terms: Any = fit_estimator(fitting).contributions(fitting.validate)
    oracle = direct(fitting)
    shap = np.asarray(oracle.get_feature_importance(pool(fitting.validate), type="ShapValues"))
    shap = shap.reshape(120, len(terms.raw), 4)
    for number, (amounts, base, raw) in enumerate(zip(terms.amounts, terms.base, terms.raw, strict=True)):
        np.testing.assert_allclose(amounts, shap[:, number, [0, 2, 1]], atol=1e-12)
        np.testing.assert_allclose(amounts.sum(axis=1) + base, raw, rtol=1e-9, atol=1e-12)


def test_the_number_of_trees_is_chosen_on_the_validate_stretch() -> None:
    params = {"iterations": 300, "learning_rate": 0.3, "early_stopping_rounds": 5}
    fitted = fit_estimator(_fitting("catboost", params=params))
    assert fitted.iterations is not None
    assert 1 < fitted.iterations < 100
    assert algorithms()["catboost"].stops_early(params)


@pytest.mark.parametrize("task", ["binary", "regression", "quantile"])
def test_a_monotone_column_never_lowers_the_score(task: Task) -> None:
    def change(**more: Any) -> np.ndarray:
        fitting = _fitting("catboost", task, **more)
        fitted: Estimator = fit_estimator(fitting)
        low, high = (fitting.matrix.frame.assign(**{"t.noise": value}) for value in (-2.0, 2.0))
        scores = [fitted.predict(encode(frame, fitting.matrix.columns)) for frame in (low, high)]
        return np.asarray(scores[1] - scores[0])

    assert (change(monotone={"t.noise": "increasing"}) >= 0).all()
    assert (change() < 0).any()


def test_monotone_is_a_fault_where_the_library_refuses_it() -> None:
    algorithm = Algorithm(name="catboost", monotone={"t.noise": "increasing"})
    assert "does not keep monotone for several classes" in str(monotone_fault(algorithm, "multiclass"))
    assert monotone_fault(algorithm, "quantile") is None
    with pytest.raises(TrainingError, match="CatBoost cannot fit these rows"):
        fit_estimator(_fitting("catboost", "multiclass", monotone={"t.noise": "increasing"}))


@pytest.mark.parametrize(
    "param", sorted(set(algorithms()["catboost"].params) - {"iterations", "early_stopping_rounds"})
)
def test_the_library_takes_every_value_that_a_declaration_may_give(param: str) -> None:
    kind, rows = algorithms()["catboost"], np.random.default_rng(0).random((40, 2)).astype("float32")
    loss, refused = "Logloss" if param == "auto_class_weights" else "RMSE", []
    for value in _probes(kind.params[param]):
        params = {"loss_function": loss, param: value, "iterations": 1, "logging_level": "Silent"}
        try:
            made = catboost.CatBoost({**params, "allow_writing_files": False})
            made.fit(rows, (rows[:, 0] > 0.5).astype(int))
        except (catboost.CatBoostError, AttributeError, TypeError, ValueError):
            refused.append(value)
    assert [value for value in refused if value_fault(kind.params[param], value) is None] == []
    assert refused


def test_wrong_parameters_are_faults() -> None:
    (weights,) = param_faults(Algorithm(name="catboost", params={"auto_class_weights": "Balanced"}), "regression")
    assert "belongs to classes, found task regression" in weights[1]
    (loss,) = param_faults(Algorithm(name="catboost", params={"loss_function": "MAE"}), "binary")
    assert "follows from task binary" in loss[1]
    (name,) = algorithm_faults(Algorithm(name="catboost", params={"max_depth": 3}), "binary")
    assert name == "catboost has no parameter 'max_depth' here. Write it as depth"


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(
        TrainingError, match=r"catboost is not installed\. Install it with: pip install 'ml-platform\[catboost\]'"
    ):
        fit_estimator(_fitting("catboost"))


def test_predictions_for_several_classes_print_nothing(capfd: Any) -> None:
    fitting = _fitting("catboost", "multiclass", params=PARAMS)
    fitted = fit_estimator(fitting)
    reloaded = load_estimator(fitted.kind, fitted.save(), None)
    capfd.readouterr()
    reloaded.predict(fitting.validate)
    assert capfd.readouterr() == ("", "")
    assert reloaded.save().files == fitted.save().files
