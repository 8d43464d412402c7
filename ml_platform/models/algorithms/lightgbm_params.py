"""What a declaration may give LightGBM's parameters, alone and together. A test asks LightGBM about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_platform.declarations.algorithms import ParamFault
from ml_platform.declarations.allowed_values import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE, SHARE
from ml_platform.declarations.model import Task

_LOSSES = (
    "regression regression_l2 l2 mean_squared_error mse l2_root root_mean_squared_error rmse regression_l1 l1 "
    "mean_absolute_error mae huber fair poisson quantile mape mean_absolute_percentage_error gamma tweedie"
)
METRICS: Mapping[Task, str] = {
    "binary": "auc average_precision binary binary_error binary_logloss cross_entropy l1 l2 rmse",
    "multiclass": "auc_mu multi_error multi_logloss multiclass softmax",
    "regression": f"{_LOSSES} gamma_deviance r2",
    "quantile": f"{_LOSSES} gamma_deviance r2",
}
PARAMS: Mapping[str, str] = {
    "alpha": POSITIVE,
    "bagging_fraction": FRACTION,
    "bagging_freq": "int [0, inf)",
    "boost_from_average": "bool",
    "boosting": "gbdt gbrt rf random_forest dart",
    "cat_l2": NOT_NEGATIVE,
    "cat_smooth": NOT_NEGATIVE,
    "data_sample_strategy": "bagging goss",
    "drop_rate": SHARE,
    "early_stopping_min_delta": NOT_NEGATIVE,
    "early_stopping_round": COUNT,
    "enable_bundle": "bool",
    "extra_trees": "bool",
    "fair_c": POSITIVE,
    "feature_fraction": FRACTION,
    "feature_fraction_bynode": FRACTION,
    "first_metric_only": "bool",
    "interaction_constraints": "groups",
    "is_unbalance": "bool",
    "lambda_l1": NOT_NEGATIVE,
    "lambda_l2": NOT_NEGATIVE,
    "learning_rate": POSITIVE,
    "linear_lambda": NOT_NEGATIVE,
    "linear_tree": "bool",
    "max_bin": "int [2, inf)",
    "max_bin_by_feature": "ints",
    "max_cat_threshold": COUNT,
    "max_cat_to_onehot": COUNT,
    "max_delta_step": "number",
    "max_depth": "int",
    "max_drop": "int",
    "metric": f"words: {' '.join(METRICS.values())}",
    "min_data_in_bin": COUNT,
    "min_data_in_leaf": "int [0, inf)",
    "min_data_per_group": COUNT,
    "min_gain_to_split": NOT_NEGATIVE,
    "min_sum_hessian_in_leaf": NOT_NEGATIVE,
    "monotone_constraints_method": "basic intermediate advanced",
    "monotone_penalty": NOT_NEGATIVE,
    "neg_bagging_fraction": FRACTION,
    "num_iterations": COUNT,
    "num_leaves": "int [2, 131072]",
    "objective": _LOSSES,
    "other_rate": SHARE,
    "path_smooth": NOT_NEGATIVE,
    "poisson_max_delta_step": POSITIVE,
    "pos_bagging_fraction": FRACTION,
    "reg_sqrt": "bool",
    "scale_pos_weight": POSITIVE,
    "sigmoid": POSITIVE,
    "skip_drop": SHARE,
    "top_rate": SHARE,
    "tweedie_variance_power": "number [1, 2)",
    "uniform_drop": "bool",
    "use_missing": "bool",
    "xgboost_dart_mode": "bool",
    "zero_as_missing": "bool",
}
OTHER_NAMES: Mapping[str, str] = {
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


def conflicts(params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
    """Yield what LightGBM refuses, or changes with no more than a warning, where parameters meet."""
    yield from _sampling(params)
    yield from _leaves(params)
    metrics = params.get("metric", [])
    for metric in [metrics] if isinstance(metrics, str) else metrics:
        if metric not in METRICS[task].split():
            yield (
                "metric",
                f"{metric} does not fit task {task}. Take one of {', '.join(METRICS[task].split())}",
            )
    if params.get("is_unbalance") and params.get("scale_pos_weight", 1) != 1:
        yield "is_unbalance", "is true, and scale_pos_weight weighs the classes too. Remove one"
    if params.get("boosting") == "dart" and "early_stopping_round" in params:
        yield "early_stopping_round", "does nothing with boosting dart. Remove one"
    objective = params.get("objective", "regression")
    if objective == "quantile" and params.get("alpha", 0.5) >= 1:
        yield "alpha", f"must be below 1 for objective quantile, found {params['alpha']!r}"
    if params.get("reg_sqrt") and objective in _UNROOTED:
        yield "reg_sqrt", f"does nothing for objective {objective}. Remove it"
    if params.get("linear_tree"):
        if objective in _ABSOLUTE:
            yield "linear_tree", f"cannot be fitted to objective {objective}. Remove one"
        if params.get("zero_as_missing"):
            yield "linear_tree", "cannot be fitted with zero_as_missing. Remove one"


_UNROOTED = frozenset({"huber", "poisson", "gamma", "tweedie"})
_ABSOLUTE = frozenset({"regression_l1", "l1", "mean_absolute_error", "mae"})
_RENEWED = _ABSOLUTE | {"quantile", "mape", "mean_absolute_percentage_error"}


def _sampling(params: Mapping[str, Any]) -> Iterator[ParamFault]:
    bagging = params.get("bagging_freq", 0) > 0 and params.get("bagging_fraction", 1) < 1
    if params.get("boosting") in ("rf", "random_forest") and not bagging and params.get("feature_fraction", 1) >= 1:
        text = "needs rows or features to be sampled. Give feature_fraction, or bagging_fraction and bagging_freq"
        yield "boosting", f"{params['boosting']} {text}"
    if params.get("data_sample_strategy") != "goss":
        return
    if bagging:
        yield "data_sample_strategy", "goss samples rows itself. Remove it, or bagging_fraction and bagging_freq"
    top, other = params.get("top_rate", 0.2), params.get("other_rate", 0.1)
    if min(top, other) <= 0 or top + other > 1:
        text = f"goss needs top_rate and other_rate above 0 that add up to at most 1, found {top:g} and {other:g}"
        yield "data_sample_strategy", text


def _leaves(params: Mapping[str, Any]) -> Iterator[ParamFault]:
    least = params.get("min_data_in_leaf", 20)
    if params.get("path_smooth", 0) > 0 and least < 2:
        yield "min_data_in_leaf", f"must be at least 2 with path_smooth, found {least}"
    if least == 0 and params.get("min_sum_hessian_in_leaf", 1e-3) == 0:
        yield "min_data_in_leaf", "must be at least 1 where min_sum_hessian_in_leaf is 0, found 0"
    method = params.get("monotone_constraints_method", "basic")
    if method != "basic" and params.get("feature_fraction_bynode", 1) < 1:
        yield "monotone_constraints_method", f"{method} needs all features. Remove it, or feature_fraction_bynode"
    penalty, depth = params.get("monotone_penalty", 0), params.get("max_depth", -1)
    if 0 < depth <= penalty:
        text = f"must be below max_depth {depth}, found {penalty!r}. Else no monotone column is used"
        yield "monotone_penalty", text


def monotone_fault(params: Mapping[str, Any], task: Task) -> str | None:
    """Return why LightGBM does not keep monotone columns for the loss that is fitted, or None."""
    objective = "quantile" if task == "quantile" else params.get("objective", "regression")
    if objective not in _RENEWED:
        return None
    return f"lightgbm does not keep monotone for the loss {objective}. Remove monotone, or take another loss"
