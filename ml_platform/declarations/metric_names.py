"""The figures that an evaluation reports and a gate may name, by task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.declarations.gates import MEASURED, MONOTONE, has_monotone
from ml_platform.declarations.model import ModelSpec, Task

VALUE_FIGURES = (
    "value_per_row",
    "value_per_row_low",
    "value_per_row_high",
    "value_total",
    "value_vs_do_nothing",
    "value_vs_do_nothing_low",
    "value_vs_do_nothing_high",
    "value_effective_days",
)
SLICE_FIGURES = ("slices_losing", "slices_below_champion")
"""Figures of a model that declares slices."""
FAIRNESS_FIGURES = tuple(f"selection_rate_difference{end}" for end in ("", "_low", "_high"))
"""Figures of a model that declares protected columns."""
ODDS_FIGURES = tuple(f"equalized_odds_difference{end}" for end in ("", "_low", "_high"))
"""Those of them that need two classes."""
METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "log_loss", "brier", "accuracy", "calibration_error"),
    "multiclass": ("log_loss", "accuracy"),
    "regression": ("mae", "rmse", "r2", "bias"),
    "quantile": ("pinball", "coverage"),
}
KNOWN_FIGURES: dict[Task, frozenset[str]] = {
    task: frozenset({*metrics, *VALUE_FIGURES, "size_mb", "rows"}) for task, metrics in METRICS.items()
}

_MEAN_ABSOLUTE = frozenset({"regression_l1", "l1", "mean_absolute_error", "mae", "absolute_error"})


def loss_quantile(model: ModelSpec) -> float | None:
    """Return the quantile whose pinball loss a model's algorithm is fitted to; None for other losses.

    That is the quantile of task quantile, or of a regression whose parameters name this loss: ``objective: quantile``
    with ``alpha`` for LightGBM, ``loss: quantile`` with ``alpha`` or ``quantile`` for scikit-learn. LightGBM and
    scikit-learn's gradient boosting take 0.9 where ``alpha`` is not set.
    """
    if model.task != "regression":
        return model.quantile
    params = model.algorithm.params
    if "quantile" not in (params.get("objective"), params.get("loss")):
        return None
    level: Any = params.get("alpha", params.get("quantile", 0.9))
    is_level = isinstance(level, int | float) and 0 < level < 1
    return float(level) if is_level else None  # anything else is a fault of the parameter


def known_figures(model: ModelSpec) -> frozenset[str]:
    """Return the figures that a gate of a model may name."""
    quantile = METRICS["quantile"] if loss_quantile(model) is not None else ()
    slices = SLICE_FIGURES if model.slices else ()
    directions = (MONOTONE,) if has_monotone(model) else ()
    fairness = (*FAIRNESS_FIGURES, *(ODDS_FIGURES if model.task == "binary" else ())) if model.protected else ()
    return KNOWN_FIGURES[model.task] | MEASURED | frozenset((*quantile, *slices, *directions, *fairness))


def headline_metric(model: ModelSpec) -> str:
    """Return the metric that is shown first for a model: for numbers, the loss that it is fitted to."""
    if model.task in _HEADLINES:
        return _HEADLINES[model.task]
    if loss_quantile(model) is not None:
        return "pinball"
    params = model.algorithm.params
    losses = (params.get("objective"), params.get("loss"))
    return "mae" if any(isinstance(loss, str) and loss in _MEAN_ABSOLUTE for loss in losses) else "rmse"


_HEADLINES: Mapping[Task, str] = {"binary": "auc", "multiclass": "log_loss", "quantile": "pinball"}
