"""What a declaration may give a parameter is held against LightGBM and scikit-learn themselves."""

import warnings
from typing import Any

import numpy as np
import pytest

from ml_platform.declarations.algorithms import algorithms
from ml_platform.declarations.allowed_values import value_fault
from ml_platform.declarations.checks.params import monotone_fault, param_faults
from ml_platform.declarations.model import Algorithm, Task
from ml_platform.models.algorithms.lightgbm_params import METRICS as LIGHTGBM_METRICS
from ml_platform.models.algorithms.lightgbm_params import PARAMS as LIGHTGBM
from ml_platform.models.estimators.scikit_learn import ScikitLearn

pytestmark = pytest.mark.slow

_VALUES: list[Any] = [
    None,
    True,
    0,
    1,
    2,
    5,
    -1,
    2**31,
    0.0,
    0.3,
    1.0,
    1.5,
    -0.5,
    "x",
    "sqrt",
    [],
    [3],
    [[0, 1], [2]],
    {},
]
_KINDS = {"int", "number", "fraction", "bool", "null", "text", "mapping", "ints", "groups"}
SCIKIT_LEARN = {name: kind for name, kind in algorithms().items() if issubclass(kind, ScikitLearn)}
_OF_ROWS = (
    "No further splits",
    "Stopped training",
    "no meaningful features",
    "Some label values",
    "setting 'num_leaves'",
)
_ROWS = np.random.default_rng(0).random((60, 3))
_LABELS = {
    "binary": (_ROWS[:, 0] > 0.5).astype(float),
    "multiclass": np.floor(_ROWS[:, 0] * 3),
    "regression": _ROWS[:, 0] + _ROWS[:, 1],
    "quantile": _ROWS[:, 0] + _ROWS[:, 1],
}


def _probes(rule):
    words = [part for part in rule.split("|") if part.split()[0] not in _KINDS]
    return [*_VALUES, *(word for part in words for word in part.replace("words:", "").split())]


def _scikit_class(name):
    return SCIKIT_LEARN[name].library_class()


@pytest.mark.parametrize("name", sorted(SCIKIT_LEARN))
def test_scikit_learn_takes_every_value_that_a_declaration_may_give(name):
    from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

    constraints = _scikit_class(name)._parameter_constraints
    for param, rule in SCIKIT_LEARN[name].params.items():
        refused = []
        for value in _probes(rule):
            try:
                validate_parameter_constraints({param: constraints[param]}, {param: value}, name)
            except InvalidParameterError:
                refused.append(value)
        assert [value for value in refused if value_fault(rule, value) is None] == [], param
        assert refused or rule == "text | null"


def _lightgbm_problem(task, **params):
    """Return what LightGBM refuses or warns of; empty where it takes the parameters as they are."""
    import lightgbm

    warned = []

    class Log:
        def info(self, text):
            if "[Warning]" in text and not any(words in text for words in _OF_ROWS):
                warned.append(text)

        def warning(self, text):
            warned.append(text)

    lightgbm.register_logger(Log())
    by_task: dict[str, dict[str, Any]] = {
        "multiclass": {"num_class": 3},
        "quantile": {"objective": "quantile", "alpha": 0.5},
    }
    artifact = by_task.get(task, {})
    settings = {"objective": task, "num_threads": 1, "verbosity": 0, **params, **artifact}
    rows = lightgbm.Dataset(_ROWS, _LABELS[task], params={"verbosity": 0})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lightgbm.train(settings, rows, 2, valid_sets=[lightgbm.Dataset(_ROWS, _LABELS[task])])
    except Exception as error:
        return str(error)
    finally:
        lightgbm.register_logger(type("Silent", (), {"info": lambda *_: None, "warning": lambda *_: None})())
    return " ".join(warned)


@pytest.mark.parametrize("param", sorted(set(LIGHTGBM) - {"metric", "max_bin_by_feature"}))
def test_lightgbm_takes_every_value_that_a_declaration_may_give(param):
    task: Task = "regression" if param == "objective" else "binary"
    for value in _probes(LIGHTGBM[param]):
        declared = Algorithm(name="lightgbm", params={param: value})
        if not list(param_faults(declared, task)):
            assert _lightgbm_problem(task, **{param: value}) == "", value


@pytest.mark.parametrize("task", sorted(LIGHTGBM_METRICS))
def test_lightgbm_knows_every_metric_of_a_task(task):
    for metric in LIGHTGBM_METRICS[task].split():
        assert "metric" not in _lightgbm_problem(task, metric=metric), metric


CONFLICTS = [
    ({"boosting": "rf"}, {"boosting": "rf", "feature_fraction": 0.5}, "binary"),
    (
        {"data_sample_strategy": "goss", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"data_sample_strategy": "goss"},
        "binary",
    ),
    ({"data_sample_strategy": "goss", "top_rate": 0.95}, {"data_sample_strategy": "goss", "top_rate": 0.5}, "binary"),
    ({"data_sample_strategy": "goss", "other_rate": 0}, {"data_sample_strategy": "goss", "other_rate": 0.2}, "binary"),
    ({"is_unbalance": True, "scale_pos_weight": 2}, {"is_unbalance": False, "scale_pos_weight": 2}, "binary"),
    ({"boosting": "dart", "early_stopping_round": 3}, {"early_stopping_round": 3}, "binary"),
    ({"linear_tree": True, "zero_as_missing": True}, {"linear_tree": True}, "binary"),
    ({"linear_tree": True, "objective": "mae"}, {"linear_tree": True, "objective": "huber"}, "regression"),
    ({"objective": "quantile", "alpha": 1}, {"objective": "quantile", "alpha": 0.7}, "regression"),
    ({"objective": "tweedie", "reg_sqrt": True}, {"objective": "rmse", "reg_sqrt": True}, "regression"),
    ({"path_smooth": 1, "min_data_in_leaf": 1}, {"path_smooth": 1, "min_data_in_leaf": 2}, "binary"),
    ({"min_data_in_leaf": 0, "min_sum_hessian_in_leaf": 0}, {"min_data_in_leaf": 0}, "binary"),
    ({"monotone_penalty": 2, "max_depth": 2}, {"monotone_penalty": 1, "max_depth": 2}, "binary"),
    (
        {"monotone_constraints_method": "advanced", "feature_fraction_bynode": 0.5},
        {"monotone_constraints_method": "advanced", "feature_fraction": 0.5},
        "binary",
    ),
    ({"metric": "multi_logloss"}, {"metric": ["auc", "binary_logloss"]}, "binary"),
]


@pytest.mark.parametrize(("wrong", "right", "task"), CONFLICTS)
def test_what_lightgbm_refuses_or_changes_in_silence_is_a_fault(wrong, right, task):
    assert _lightgbm_problem(task, **wrong)
    assert not _lightgbm_problem(task, **right)
    assert len(list(param_faults(Algorithm(name="lightgbm", params=wrong), task))) == 1
    assert list(param_faults(Algorithm(name="lightgbm", params=right), task)) == []


@pytest.mark.parametrize("objective", ["mae", "quantile", "mape", "huber"])
def test_monotone_is_a_fault_for_the_losses_that_lightgbm_fits_without_it(objective):
    refused = "monotone" in _lightgbm_problem("regression", objective=objective, monotone_constraints=[1, 0, 0])
    algorithm = Algorithm(name="lightgbm", params={"objective": objective}, monotone={"a.b": "increasing"})
    assert (monotone_fault(algorithm, "regression") is not None) == refused == (objective != "huber")


SCIKIT_CONFLICTS = [
    ("LogisticRegression", {"l1_ratio": 0.5}, {"l1_ratio": 0.5, "solver": "saga"}, "binary"),
    ("LogisticRegression", {"l1_ratio": 0.5, "solver": "liblinear"}, {"l1_ratio": 1, "solver": "liblinear"}, "binary"),
    ("LogisticRegression", {"solver": "liblinear"}, {"solver": "lbfgs"}, "multiclass"),
    ("Ridge", {"solver": "svd", "positive": True}, {"positive": True}, "regression"),
    ("Ridge", {"solver": "lbfgs"}, {"solver": "lbfgs", "positive": True}, "regression"),
    ("RandomForestRegressor", {"bootstrap": False, "max_samples": 5}, {"max_samples": 5}, "regression"),
    ("ExtraTreesRegressor", {"max_samples": 5}, {"bootstrap": True, "max_samples": 5}, "regression"),
    ("GradientBoostingClassifier", {"loss": "exponential"}, {"loss": "log_loss"}, "multiclass"),
    ("HistGradientBoostingRegressor", {"loss": "quantile"}, {"loss": "quantile", "quantile": 0.3}, "regression"),
    ("DummyRegressor", {"strategy": "constant"}, {"strategy": "constant", "constant": 3}, "regression"),
    ("DummyRegressor", {"strategy": "quantile"}, {"strategy": "quantile", "quantile": 0.3}, "regression"),
]


@pytest.mark.parametrize(("name", "wrong", "right", "task"), SCIKIT_CONFLICTS)
def test_what_scikit_learn_refuses_together_is_a_fault(name, wrong, right, task):
    def refused(params):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _scikit_class(name)(**params).fit(_ROWS, _LABELS[task])
        except (TypeError, ValueError):
            return True
        return False

    assert refused(wrong)
    assert not refused(right)
    assert len(list(param_faults(Algorithm(name=name, params=wrong), task))) == 1
    assert list(param_faults(Algorithm(name=name, params=right), task)) == []


@pytest.mark.parametrize(
    ("name", "params", "task", "fault"),
    [
        ("lightgbm", {"num_leaves": 1}, "binary", "must be a whole number from 2 to 131,072, found 1"),
        ("lightgbm", {"num_leaves": None}, "binary", "must be a whole number from 2 to 131,072, found null"),
        ("lightgbm", {"metric": "acu"}, "binary", "Did you mean auc?"),
        ("lightgbm", {"objective": "poisson"}, "binary", "follows from task binary, found 'poisson'. Remove it"),
        ("lightgbm", {"alpha": 0.3}, "quantile", "follows from the key quantile, found 0.3. Remove it"),
        ("gradient_boosting", {"loss": "huber"}, "quantile", "follows from the key quantile"),
        ("random_forest", {"class_weight": {"0": 2}}, "binary", "must be balanced, balanced_subsample or null"),
        ("ridge", {"alpha": "big"}, "regression", "must be a number of at least 0, found 'big'"),
        ("logistic_regression", {"C": 0}, "binary", "must be a number above 0, found 0"),
    ],
)
def test_a_wrong_value_is_a_fault_with_that_value(name, params, task, fault):
    assert [text for _, text in param_faults(Algorithm(name=name, params=params), task) if fault in text]
