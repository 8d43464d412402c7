"""Figures of an evaluation: what a contender earned, and how the label is spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_platform.registry.evaluation.candidates import CHALLENGER, DO_NOTHING
from ml_platform.registry.evaluation.intervals import Earnings

if TYPE_CHECKING:
    pass


def value_figures(earned: Earnings, name: str) -> dict[str, float | None]:
    """Return what a contender earned, a row and in all, and over doing nothing, each with its interval."""
    value, rows = earned.per_row(name), earned.rows
    ahead = earned.difference(name, DO_NOTHING).times(rows)
    return {
        "value_per_row": value.figure,
        "value_per_row_low": value.low,
        "value_per_row_high": value.high,
        "value_total": value.figure * rows,
        "value_vs_do_nothing": ahead.figure,
        "value_vs_do_nothing_low": ahead.low,
        "value_vs_do_nothing_high": ahead.high,
        "value_effective_days": ahead.effective_days,
    }


def ahead_facts(earned: Earnings, other: str) -> dict[str, Any]:
    """Return how far the challenger is ahead of another contender, a row."""
    ahead = earned.difference(CHALLENGER, other)
    return {
        "per_row": ahead.figure,
        "low": ahead.low,
        "high": ahead.high,
        "probability": earned.probability_above(CHALLENGER, other),
        **ahead.basis(),
    }


def label_facts(label: np.ndarray) -> dict[str, Any]:
    """Return the mean and spread of a number, or how many rows each class has."""
    if label.dtype.kind == "f":
        return {"mean": float(label.mean()), "std": float(label.std())}
    names, counts = np.unique(label.astype(str), return_counts=True)
    return {"classes": [[name, count] for name, count in zip(names.tolist(), counts.tolist(), strict=True)]}
