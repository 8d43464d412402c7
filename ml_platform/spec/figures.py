"""The figures that an evaluation reports and a gate may name, by task."""

from __future__ import annotations

from ml_platform.spec.model import Task

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
METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "log_loss", "brier", "accuracy", "calibration_error"),
    "multiclass": ("log_loss", "accuracy"),
    "regression": ("mae", "rmse", "r2", "bias"),
    "quantile": ("pinball", "coverage"),
}
KNOWN_FIGURES: dict[Task, frozenset[str]] = {
    task: frozenset({*metrics, *VALUE_FIGURES, "size_mb", "rows"}) for task, metrics in METRICS.items()
}
