"""What a look at drift knows and finds: the reference, the window, a verdict for each column and for the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ml_platform.core.statistics.histograms import Histogram
from ml_platform.operations.monitoring.column_scale import Scale
from ml_platform.operations.monitoring.daily_series import Daily
from ml_platform.operations.monitoring.window_test import WindowTest

ColumnVerdict = Literal["drifted", "not drifted", "inconclusive", "too few rows"]
Verdict = Literal["drift", "stable", "inconclusive", "too few rows"]
Role = Literal["feature", "score"]


@dataclass(frozen=True)
class ColumnDrift:
    """One column of the current window beside the same column of the reference.

    Attributes
    ----------
    drifted
        Whether `verdict` is ``drifted``.
    what
        Which figure moved furthest for its threshold: ``missing`` (share of missing values), ``level`` (mean rank in
        the reference's distribution), ``spread`` (mean distance of ranks from the middle), ``position`` (mean normal
        score) or ``share of VALUE``.
    expected, mean
        This figure by the reference, for the weekdays of the window, and in the window.
    threshold
        By how much it can move by itself; null where no change would be an alarm.
    ratio
        The change in thresholds; 1 or more is drift.
    smallest_visible
        The smallest change that would be found, in the column's own unit where it is a number.
    by_growth
        Whether the column only grows, so that its growth a day is looked at in place of its value.
    note
        Why there is no verdict; empty if there is one.
    moved
        The bin whose share changed most, with its share before and now.
    """

    column: str
    role: Role
    verdict: ColumnVerdict
    drifted: bool
    what: str
    expected: float
    mean: float
    threshold: float | None
    ratio: float
    smallest_visible: str
    by_growth: bool
    note: str
    reference_days: int
    current_rows: int
    reference_missing: float
    current_missing: float
    moved: str


@dataclass(frozen=True)
class DriftResult:
    """All columns, the one nearest to its threshold or furthest above it first, and the model's verdict and reason."""

    verdict: Verdict
    reason: str
    rows: int
    columns: tuple[ColumnDrift, ...]

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that have drifted."""
        return tuple(column for column in self.columns if column.drifted)


@dataclass(frozen=True)
class DriftReference:
    """What the columns of a champion were like on the rows that it was trained and evaluated on.

    Attributes
    ----------
    scales, histograms
        By column.
    daily
        Daily figures: of the features, and of the scores, which may have other days.
    scores
        Which of the columns are scores.
    growing
        For each column that only grows, the columns that name its entity.
    batches_a_day
        How many batch runs a day with rows usually has.
    """

    scales: Mapping[str, Scale]
    histograms: Mapping[str, Histogram]
    daily: tuple[Daily, ...]
    scores: tuple[str, ...]
    growing: Mapping[str, tuple[str, ...]]
    batches_a_day: float

    @cached_property
    def test(self) -> WindowTest:
        """The test, fitted to this reference."""
        return WindowTest(self.daily, self.scales)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that name entities of growing columns."""
        return tuple(dict.fromkeys(key for keys in self.growing.values() for key in keys))

    @cached_property
    def days(self) -> Mapping[str, int]:
        """On how many days of the reference each column has values."""
        by_column: dict[str, int] = {}
        for daily in self.daily:
            for place, series in enumerate(daily.series):
                by_column[series.column] = int((daily.rows[:, place] > 0).sum())  # the last is that of values
        return by_column


@dataclass(frozen=True)
class Current:
    """The current window: its daily figures, and a histogram of each column."""

    rows: int
    daily: Daily
    histograms: Mapping[str, Histogram]
