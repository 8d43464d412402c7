"""Intervals of money: a bootstrap over whole days, paired between contenders.

Rows of one day share weather, load and incidents, so days are drawn, not rows (a block bootstrap; Efron and
Tibshirani 1993, chapter 8). Every contender is judged on the same draws, so that differences are paired. Intervals
are percentiles. Over few days they are too narrow: in a simulation over 14 days, 91 % of 95 % intervals held the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FEW_DAYS = 10
_DRAWS = 2000
_SEED = 0
_TAIL = 0.025


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    figure: float
    low: float
    high: float


@dataclass(frozen=True)
class Earnings:
    """What contenders earned a row, on the rows as they are and on resampled days.

    Attributes
    ----------
    rows, days
        How many rows, on how many days.
    figures
        Value per row by contender.
    draws
        Value per row by contender, one number for each draw of days.
    """

    rows: int
    days: int
    figures: Mapping[str, float]
    draws: Mapping[str, np.ndarray]

    def per_row(self, name: str) -> Interval:
        """Return what a contender earned a row."""
        return _interval(self.figures[name], self.draws[name])

    def difference(self, name: str, other: str) -> Interval:
        """Return how much more a contender earned a row than another on the same rows."""
        return _interval(self.figures[name] - self.figures[other], self.draws[name] - self.draws[other])

    def probability_better(self, name: str, other: str, margin: float = 0.0) -> float:
        """Return the share of draws in which a contender earned more than another.

        Parameters
        ----------
        margin
            What it may fall short by, as a share of what the other earns.
        """
        ahead = self.draws[name] - self.draws[other] + margin * np.abs(self.draws[other])
        return float(np.mean(ahead > 0))


def earnings(values: Mapping[str, np.ndarray], days: np.ndarray) -> Earnings:
    """Return what contenders earned a row, with draws of days.

    Parameters
    ----------
    values
        What each row earned, by contender; the same rows in the same order for all.
    days
        The day of each row.
    """
    _, place = np.unique(days, return_inverse=True)
    count = int(place.max()) + 1
    rows = np.bincount(place, minlength=count).astype("float64")
    times = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    drawn_rows = _weighted(times, rows)
    totals = {name: np.bincount(place, weights=value, minlength=count) for name, value in values.items()}
    return Earnings(
        rows=len(days),
        days=count,
        figures={name: float(total.sum() / rows.sum()) for name, total in totals.items()},
        draws={name: _weighted(times, total) / drawn_rows for name, total in totals.items()},
    )


def _weighted(times: np.ndarray, per_day: np.ndarray) -> np.ndarray:
    """Add up days as often as they were drawn, one day after the other, so that the sum has one order."""
    total = np.zeros(len(times))
    for day, value in enumerate(per_day):
        total = total + times[:, day] * value
    return total


def _interval(figure: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, (_TAIL, 1 - _TAIL))
    return Interval(figure, float(low), float(high))
