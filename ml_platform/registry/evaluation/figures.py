"""Figures of an evaluation: what a contender earned, and how the label is spread."""

from __future__ import annotations

import numpy as np

from ml_platform.registry.evaluation.candidates import CHALLENGER, DO_NOTHING
from ml_platform.registry.evaluation.intervals import Earnings
from ml_platform.storage.artifact_kinds.evaluation import ChallengerAhead, Comparison, LabelSpread


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


def ahead_of(earned: Earnings, other: str) -> ChallengerAhead:
    """Return how far the challenger is ahead of another contender, a row."""
    ahead = earned.difference(CHALLENGER, other)
    probability = earned.probability_above(CHALLENGER, other)
    return ChallengerAhead(per_row=ahead.figure, probability=probability, **dict(ahead.as_held()))


def compared_with(earned: Earnings, other: str, name: str, allowed: float) -> Comparison:
    """Return the challenger beside one opponent.

    Parameters
    ----------
    name
        The contender that takes the opponent's place.
    allowed
        What the challenger may earn less a row.
    """
    ahead = earned.difference(CHALLENGER, name)
    return Comparison(
        other=other,
        difference=ahead.figure,
        low=ahead.low,
        high=ahead.high,
        probability=earned.probability_above(CHALLENGER, name, -allowed),
        allowed=allowed,
        declined=ahead.declined,
        basis=ahead.basis(),
    )


def label_spread(label: np.ndarray) -> LabelSpread:
    """Return the mean and spread of a number, or how many rows each class has."""
    if label.dtype.kind == "f":
        return LabelSpread(mean=float(label.mean()), std=float(label.std()))
    names, counts = np.unique(label.astype(str), return_counts=True)
    return LabelSpread(classes=tuple(zip(names.tolist(), counts.tolist(), strict=True)))
