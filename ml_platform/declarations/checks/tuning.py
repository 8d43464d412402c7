"""Checks of a search for parameters against the algorithm whose parameters they are, and against the split."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ml_platform.core.clock import format_duration
from ml_platform.core.errors import FaultKind, suggest
from ml_platform.declarations.algorithms import algorithm_kind, is_project_class
from ml_platform.declarations.allowed_values import value_fault
from ml_platform.declarations.checks.problems import Problem
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.model import ModelSpec

LIBRARY = "optuna"
_LOSSES = frozenset({"objective", "loss"})
"""Parameters that name the loss: trials with different losses cannot be compared by it."""


def check_tuning(model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with ``tuning``; nothing where a model declares none."""
    if model.tuning is None:
        return
    where = f"models/{model.name}"
    if find_spec(LIBRARY) is None:
        text = "optuna is not installed. Install it with: pip install 'ml-platform[tuning]'"
        yield Problem(where, ("tuning",), text)
    yield from _check_folds(model)
    for param in model.tuning.space:
        for text in _param_faults(model, param):
            yield Problem(where, ("tuning", "space", param), text, kind=FaultKind.VALUE)


def _check_folds(model: ModelSpec) -> Iterator[Problem]:
    """Yield a problem where the first fold has no rows to fit: each moves the split one validate period back."""
    assert model.tuning is not None
    needed = model.tuning.folds * model.split.validate_ + model.label.horizon
    if model.split.train <= needed:
        text = (
            f"split.train must be longer than {model.tuning.folds} validate periods and the label's horizon, found "
            f"{format_duration(model.split.train)} and {format_duration(needed)}. Lengthen split.train, or lower folds"
        )
        yield Problem(f"models/{model.name}", ("tuning", "folds"), text)


def _param_faults(model: ModelSpec, param: str) -> Iterator[str]:
    """Yield why the values of a parameter cannot be tried."""
    assert model.tuning is not None
    name, space = model.algorithm.name, model.tuning.space[param]
    kind = algorithm_kind(name, model.task)
    if kind is None or is_project_class(name):
        return
    if param in _LOSSES or (param in ("alpha", "quantile") and loss_quantile(model) is not None):
        yield f"{param} decides the loss by which trials are compared. Set it in algorithm.params"
    elif param not in kind.params:
        yield f"{name} has no parameter {param!r} that a declaration may set. {suggest(param, kind.params)}"
    else:
        yield from (fault for value in space.ends if (fault := value_fault(kind.params[param], value)))
