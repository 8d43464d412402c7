"""The algorithms that a declaration may name, with their tasks and parameters.

Static, so that a declaration is checked without importing an estimator library. Tests hold the
tables against LightGBM and scikit-learn themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ml_platform.core.errors import suggest
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


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIGHTGBM_PARAMS = _names(
    "alpha bagging_fraction bagging_freq boost_from_average boosting cat_l2 cat_smooth data_sample_strategy drop_rate "
    "early_stopping_min_delta early_stopping_round enable_bundle extra_trees fair_c feature_fraction "
    "feature_fraction_bynode first_metric_only interaction_constraints is_unbalance lambda_l1 lambda_l2 learning_rate "
    "linear_lambda linear_tree max_bin max_bin_by_feature max_cat_threshold max_cat_to_onehot max_delta_step max_depth "
    "max_drop metric min_data_in_bin min_data_in_leaf min_data_per_group min_gain_to_split min_sum_hessian_in_leaf "
    "monotone_constraints_method monotone_penalty neg_bagging_fraction num_iterations num_leaves objective other_rate "
    "path_smooth poisson_max_delta_step pos_bagging_fraction reg_sqrt scale_pos_weight sigmoid skip_drop top_rate "
    "tweedie_variance_power uniform_drop use_missing xgboost_dart_mode zero_as_missing"
)
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
_LEAVES = (
    "ccp_alpha criterion max_depth max_features max_leaf_nodes min_impurity_decrease min_samples_leaf "
    "min_samples_split min_weight_fraction_leaf "
)
_FOREST = _LEAVES + "bootstrap max_samples n_estimators "
_BOOSTED = _LEAVES + "init learning_rate loss n_estimators n_iter_no_change subsample tol validation_fraction "
_HISTOGRAM = (
    "early_stopping interaction_cst l2_regularization learning_rate loss max_bins max_depth max_features max_iter "
    "max_leaf_nodes min_samples_leaf n_iter_no_change scoring tol validation_fraction "
)
_LINEAR = "alpha fit_intercept max_iter positive tol "
SCIKIT_LEARN: dict[str, AlgorithmKind] = {
    name: AlgorithmKind(tasks, _names(params))
    for name, tasks, params in (
        ("LogisticRegression", _CLASSES, "C class_weight fit_intercept l1_ratio max_iter solver tol"),
        ("RandomForestClassifier", _CLASSES, _FOREST + "class_weight"),
        ("ExtraTreesClassifier", _CLASSES, _FOREST + "class_weight"),
        ("GradientBoostingClassifier", _CLASSES, _BOOSTED.replace("init ", "")),
        ("HistGradientBoostingClassifier", _CLASSES, _HISTOGRAM + "class_weight"),
        ("DecisionTreeClassifier", _CLASSES, _LEAVES + "class_weight splitter"),
        ("DummyClassifier", _CLASSES, "constant strategy"),
        ("LinearRegression", _NUMBERS, "fit_intercept positive tol"),
        ("Ridge", _NUMBERS, _LINEAR + "solver"),
        ("Lasso", _NUMBERS, _LINEAR + "selection"),
        ("ElasticNet", _NUMBERS, _LINEAR + "l1_ratio selection"),
        ("RandomForestRegressor", _NUMBERS, _FOREST),
        ("ExtraTreesRegressor", _NUMBERS, _FOREST),
        ("GradientBoostingRegressor", _NUMBERS | _QUANTILE, _BOOSTED.replace("init ", "") + "alpha"),
        ("HistGradientBoostingRegressor", _NUMBERS | _QUANTILE, _HISTOGRAM + "quantile"),
        ("DecisionTreeRegressor", _NUMBERS, _LEAVES + "splitter"),
        ("DummyRegressor", _NUMBERS | _QUANTILE, "constant quantile strategy"),
        ("QuantileRegressor", _QUANTILE, "alpha fit_intercept solver"),
    )
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
