"""The algorithms that a declaration may name, with their tasks and parameters.

Static, so that a declaration is checked without importing an estimator library. Tests hold the
tables against LightGBM and scikit-learn themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ml_platform.core.errors import suggest
from ml_platform.declarations.algorithm_params import LIGHTGBM, SCIKIT_LEARN_PARAMS
from ml_platform.declarations.model import Algorithm, Task

_PROJECT_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_NUMBERS: frozenset[Task] = frozenset({"regression"})
_QUANTILE: frozenset[Task] = frozenset({"quantile"})
_ALL = _CLASSES | _NUMBERS | _QUANTILE


@dataclass(frozen=True)
class AlgorithmKind:
    """What a declaration may say about one algorithm."""

    tasks: frozenset[Task]
    params: frozenset[str] = frozenset()
    monotone: bool = False


LIGHTGBM_PARAMS = frozenset(LIGHTGBM)
LIGHTGBM_OTHER_NAMES = {
    "n_estimators": "num_iterations",
    "num_boost_round": "num_iterations",
    "num_rounds": "num_iterations",
    "early_stopping_rounds": "early_stopping_round",
    "eta": "learning_rate",
    "min_child_samples": "min_data_in_leaf",
    "min_child_weight": "min_sum_hessian_in_leaf",
    "min_split_gain": "min_gain_to_split",
    "subsample": "bagging_fraction",
    "subsample_freq": "bagging_freq",
    "colsample_bytree": "feature_fraction",
    "reg_alpha": "lambda_l1",
    "reg_lambda": "lambda_l2",
    "boosting_type": "boosting",
}
_SCIKIT_TASKS: Mapping[str, frozenset[Task]] = {
    "LogisticRegression": _CLASSES,
    "RandomForestClassifier": _CLASSES,
    "ExtraTreesClassifier": _CLASSES,
    "GradientBoostingClassifier": _CLASSES,
    "HistGradientBoostingClassifier": _CLASSES,
    "DecisionTreeClassifier": _CLASSES,
    "DummyClassifier": _CLASSES,
    "LinearRegression": _NUMBERS,
    "Ridge": _NUMBERS,
    "Lasso": _NUMBERS,
    "ElasticNet": _NUMBERS,
    "RandomForestRegressor": _NUMBERS,
    "ExtraTreesRegressor": _NUMBERS,
    "GradientBoostingRegressor": _NUMBERS | _QUANTILE,
    "HistGradientBoostingRegressor": _NUMBERS | _QUANTILE,
    "DecisionTreeRegressor": _NUMBERS,
    "DummyRegressor": _NUMBERS | _QUANTILE,
    "QuantileRegressor": _QUANTILE,
}
SCIKIT_LEARN: dict[str, AlgorithmKind] = {
    name: AlgorithmKind(tasks, frozenset(SCIKIT_LEARN_PARAMS[name])) for name, tasks in _SCIKIT_TASKS.items()
}
SHORT_NAMES: dict[str, tuple[str, ...]] = {
    "logistic_regression": ("LogisticRegression",),
    "linear_regression": ("LinearRegression",),
    "ridge": ("Ridge",),
    "lasso": ("Lasso",),
    "elastic_net": ("ElasticNet",),
    "quantile_regression": ("QuantileRegressor",),
    "random_forest": ("RandomForestClassifier", "RandomForestRegressor"),
    "extra_trees": ("ExtraTreesClassifier", "ExtraTreesRegressor"),
    "gradient_boosting": ("GradientBoostingClassifier", "GradientBoostingRegressor"),
    "hist_gradient_boosting": ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "decision_tree": ("DecisionTreeClassifier", "DecisionTreeRegressor"),
}
OWN: dict[str, AlgorithmKind] = {
    "lightgbm": AlgorithmKind(_ALL, LIGHTGBM_PARAMS, monotone=True),
    "rule": AlgorithmKind(frozenset({"binary", "regression", "quantile"})),
    "constant": AlgorithmKind(_ALL),
}
KNOWN_ALGORITHMS = tuple(sorted({*OWN, *SHORT_NAMES, *SCIKIT_LEARN}))


def is_project_class(name: str) -> bool:
    """Return whether `name` is a project's own estimator class, written ``module:Class``."""
    return _PROJECT_CLASS.fullmatch(name) is not None


def resolve_algorithm(name: str, task: Task) -> str:
    """Return the one name of an algorithm for a task: short names become scikit-learn's class names.

    >>> resolve_algorithm("random_forest", "regression")
    'RandomForestRegressor'
    """
    classes = SHORT_NAMES.get(name, (name,))
    fitting = [name for name in classes if name in SCIKIT_LEARN and task in SCIKIT_LEARN[name].tasks]
    return (fitting or list(classes))[0]


def algorithm_faults(algorithm: Algorithm, task: Task) -> Iterator[str]:
    """Yield what is wrong with an algorithm's declaration for a task, each as one sentence with its remedy."""
    name = resolve_algorithm(algorithm.name, task)
    kind = OWN.get(name) or SCIKIT_LEARN.get(name)
    if (name == "rule") != (algorithm.expression is not None):
        yield f"algorithm.expression belongs to rule and to nothing else, found name {algorithm.name}"
    if is_project_class(name):
        if algorithm.monotone:
            yield f"monotone is not kept by {name}. Remove it, or take lightgbm"
        return
    if kind is None:
        yield f"algorithm {algorithm.name!r} does not exist. {suggest(algorithm.name, KNOWN_ALGORITHMS)}"
        return
    if task not in kind.tasks:
        fitting = [known for known in ("lightgbm", *SHORT_NAMES) if _fits(known, task)]
        yield f"algorithm {algorithm.name} cannot do {task}. Take one of {', '.join(fitting)}"
    if algorithm.monotone and not kind.monotone:
        yield f"monotone is not kept by {algorithm.name}. Remove it, or take lightgbm"
    for param in sorted(set(algorithm.params) - kind.params):
        yield _unknown_param(algorithm.name, param, kind.params)


def _fits(name: str, task: Task) -> bool:
    resolved = resolve_algorithm(name, task)
    return task in (OWN.get(resolved) or SCIKIT_LEARN[resolved]).tasks


def _unknown_param(algorithm: str, param: str, known: frozenset[str]) -> str:
    if algorithm == "lightgbm" and param in LIGHTGBM_OTHER_NAMES:
        return f"lightgbm has no parameter {param!r} here. Write it as {LIGHTGBM_OTHER_NAMES[param]}"
    if not known:
        return f"{algorithm} takes no parameters, found {param!r}. Remove it"
    return f"{algorithm} has no parameter {param!r} that a declaration may set. {suggest(param, known)}"
