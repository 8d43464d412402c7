"""Checks of the values that a declaration gives an algorithm's parameters, alone and together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_platform.declarations.algorithm_params import LIGHTGBM, LIGHTGBM_METRICS, SCIKIT_LEARN_PARAMS
from ml_platform.declarations.algorithms import resolve_algorithm
from ml_platform.declarations.allowed_values import value_fault
from ml_platform.declarations.model import Algorithm, Task

ParamFault = tuple[str, str]


def param_faults(algorithm: Algorithm, task: Task) -> Iterator[ParamFault]:
    """Yield each parameter whose value an algorithm does not take, with what is wrong with it."""
    name = resolve_algorithm(algorithm.name, task)
    rules = LIGHTGBM if name == "lightgbm" else SCIKIT_LEARN_PARAMS.get(name, {})
    faults = {param: value_fault(rules[param], value) for param, value in algorithm.params.items() if param in rules}
    yield from ((param, fault) for param, fault in faults.items() if fault)
    right = {param: value for param, value in algorithm.params.items() if faults.get(param) is None}
    yield from _set_by_task(name, right, task)
    yield from _lightgbm_together(right, task) if name == "lightgbm" else _scikit_together(name, right, task)


def _set_by_task(name: str, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
    """Yield parameters that the platform sets from the task or its quantile, whatever is declared."""
    if name == "lightgbm" and task != "regression" and "objective" in params:
        yield "objective", f"follows from task {task}, found {params['objective']!r}. Remove it"
    for param in ("alpha",) if name == "lightgbm" else _QUANTILE_PARAMS.get(name, ()):
        if task == "quantile" and param in params:
            yield param, f"follows from the key quantile, found {params[param]!r}. Remove it"


_QUANTILE_PARAMS: Mapping[str, tuple[str, ...]] = {
    "HistGradientBoostingRegressor": ("loss", "quantile"),
    "GradientBoostingRegressor": ("loss", "alpha"),
    "DummyRegressor": ("strategy", "quantile"),
}


def _lightgbm_together(params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
    """Yield what LightGBM refuses, or changes with no more than a warning, where parameters meet."""
    yield from _sampling(params)
    yield from _leaves(params)
    metrics = params.get("metric", [])
    for metric in [metrics] if isinstance(metrics, str) else metrics:
        if metric not in LIGHTGBM_METRICS[task].split():
            yield (
                "metric",
                f"{metric} does not fit task {task}. Take one of {', '.join(LIGHTGBM_METRICS[task].split())}",
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


def monotone_fault(algorithm: Algorithm, task: Task) -> str | None:
    """Return why the loss that is fitted cannot keep monotone columns, or None."""
    objective = "quantile" if task == "quantile" else algorithm.params.get("objective", "regression")
    if algorithm.name != "lightgbm" or not algorithm.monotone or objective not in _RENEWED:
        return None
    return f"lightgbm does not keep monotone for the loss {objective}. Remove monotone, or take another loss"


def _scikit_together(name: str, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
    """Yield what scikit-learn refuses where parameters meet."""
    if name == "LogisticRegression":
        yield from _logistic(params, task)
    if name == "Ridge":
        solver, positive = params.get("solver", "auto"), params.get("positive", False)
        if positive and solver not in ("auto", "lbfgs"):
            yield "solver", f"{solver} does not keep weights positive. Take lbfgs, or remove positive"
        if solver == "lbfgs" and not positive:
            yield "solver", "lbfgs needs positive: true. Take another solver, or add it"
    if params.get("max_samples") is not None and params.get("bootstrap", name.startswith("Random")) is False:
        yield "max_samples", "needs bootstrap: true. Add it, or remove max_samples"
    if params.get("loss") == "exponential" and task == "multiclass":
        yield "loss", "exponential belongs to binary models. Take log_loss"
    if name.startswith("Dummy"):
        for strategy, needed in (("constant", "constant"), ("quantile", "quantile")):
            if params.get("strategy") == strategy and params.get(needed) is None and task != "quantile":
                yield "strategy", f"{strategy} needs the parameter {needed}. Give it"
    histogram = name == "HistGradientBoostingRegressor" and task != "quantile"
    if histogram and params.get("loss") == "quantile" and params.get("quantile") is None:
        yield "loss", "quantile needs the parameter quantile. Give it"


def _logistic(params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
    solver, ratio = params.get("solver", "lbfgs"), params.get("l1_ratio") or 0
    kept = {"saga": "any", "liblinear": "0 or 1"}.get(solver, "0")
    if kept != "any" and ratio not in ((0, 1) if solver == "liblinear" else (0,)):
        yield "l1_ratio", f"must be {kept} for solver {solver}, found {ratio!r}. Change it, or take solver saga"
    if solver == "liblinear" and task == "multiclass":
        yield "solver", "liblinear belongs to binary models. Take lbfgs"
