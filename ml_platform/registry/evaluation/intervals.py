"""Intervals of money: what contenders earned a row, and how much more than each other, with what is unknown about it.

Rows of one day share their luck, days may resemble their neighbors, and one entity may be asked about many times. The
interval respects all three (`ml_platform.registry.evaluation.persistence`, and two-way clusters by day and entity:
Cameron, Gelbach and Miller, JBES 2011). It draws no random numbers. Where it cannot be right often enough it declines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np

from ml_platform.registry.evaluation.clusters import (
    Clusters,
    Grouping,
    Shape,
    clusters_of,
    largest,
    shape_of,
    without_rounding,
)
from ml_platform.registry.evaluation.interval_notes import notes_on_days, notes_on_entities
from ml_platform.registry.evaluation.persistence import (
    LEVEL,
    Mixture,
    day_influences,
    effective_days,
    effective_number,
    mixture,
)
from ml_platform.storage.artifact_kinds.figures import BasedFigure, BasedInterval, IntervalBasis

MIN_DAYS = 4
MIN_DAYS_WITH_HISTORY = 3
HISTORY_DAYS = 60
MIN_GAINS = 4.0


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval, and what the interval rests on, as `BasedInterval` explains it."""

    figure: float
    low: float | None
    high: float | None
    days: int
    effective_days: float | None = None
    entities: int | None = None
    effective_entities: float | None = None
    note: str | None = None
    declined: str | None = None

    def times(self, rows: float) -> Interval:
        """Return the interval of a sum over as many rows."""
        ends = [None if end is None else end * rows for end in (self.low, self.high)]
        return replace(self, figure=self.figure * rows, low=ends[0], high=ends[1])

    def basis(self) -> IntervalBasis:
        """Return what the interval rests on, as an artifact holds it."""
        return IntervalBasis.model_validate(self, from_attributes=True)

    def as_figure(self) -> BasedFigure:
        """Return the figure with its interval, as an artifact holds both."""
        return BasedFigure.model_validate(self, from_attributes=True)

    def as_held(self) -> BasedInterval:
        """Return the interval with what it rests on, as an artifact holds it."""
        return BasedInterval.model_validate(self, from_attributes=True)


@dataclass(frozen=True)
class _Known:
    """What is known of one mean: its distribution, unless that is declined."""

    interval: Interval
    mixture: Mixture | None


@dataclass(frozen=True)
class Earnings:
    """What contenders earned a row, on the same rows.

    Attributes
    ----------
    rows, days
        How many rows, on how many days.
    figures
        Value per row by contender.
    history
        The same contenders on earlier days.
    other_rows
        What rows earned on other days, which only shows how large and how rare gains are.
    fixed
        Whether these entities are all that there will ever be.
    overlap, level
        How many of these days a label spans, and the probability of intervals.
    """

    rows: int
    days: int
    figures: Mapping[str, float]
    values: Mapping[str, np.ndarray] = field(repr=False)
    by_day: Clusters = field(repr=False)
    by_entity: Clusters | None = field(default=None, repr=False)
    by_cell: Clusters | None = field(default=None, repr=False)
    history: Earnings | None = field(default=None, repr=False)
    other_rows: Sequence[Mapping[str, np.ndarray]] = field(default=(), repr=False)
    fixed: bool = False
    overlap: float = 0.0
    level: float = LEVEL
    _known: dict[tuple[str, str | None], _Known] = field(default_factory=dict, repr=False, compare=False)

    def per_row(self, name: str) -> Interval:
        """Return what a contender earned a row."""
        return self._of(name, None).interval

    def difference(self, name: str, other: str) -> Interval:
        """Return how much more a contender earned a row than another on the same rows."""
        return self._of(name, other).interval

    def probability_above(self, name: str, other: str, threshold: float = 0.0) -> float | None:
        """Return the probability that a contender earns more a row than another and a threshold; None where declined.

        It agrees with the interval: at its low end the probability is 0.975, at its high end 0.025.
        """
        known = self._of(name, other).mixture
        return None if known is None else known.probability_above(threshold)

    def _of(self, name: str, other: str | None) -> _Known:
        pair = (name, other)
        if pair not in self._known:
            self._known[pair] = self._find(name, other)
        return self._known[pair]

    def _find(self, name: str, other: str | None) -> _Known:
        earlier = self._earlier(name, other)
        sums, rows = self.by_day.sums(name, other), self.by_day.rows
        figure = float(sums.sum() / rows.sum())
        if (reason := self._too_few_days(earlier is not None) or self._one_entity()) is not None:
            return _Known(Interval(figure, None, None, len(rows), declined=reason), None)
        entities = self._entities(name, other, figure)
        shape = self._shape(name, other)
        floor = shape.second / self.rows * self._within(name, other, figure), shape.freedom()
        known = mixture(sums, rows, earlier, entities, floor, self.overlap)
        basis = self._basis(known, entities)
        by_rows = self.rows * shape.second
        calm = float((day_influences(sums, rows) ** 2).sum()) / by_rows if by_rows > 0 else 1.0
        if shape.gains(calm) < MIN_GAINS:
            reason = f"too few gains: all {shape.rows:,} rows known hold about {shape.gains(calm):.0f} of them"
            return _Known(Interval(figure, None, None, **basis, declined=reason), None)
        half = known.half_width(self.level)
        notes = [
            *notes_on_days(self.days, self.overlap, with_history=earlier is not None),
            *notes_on_entities(entities[0], entities[1] + 1),
        ]
        note = "; ".join(notes) or None
        return _Known(Interval(figure, figure - half, figure + half, **basis, note=note), known)

    def _too_few_days(self, with_history: bool) -> str | None:
        """Return why these days are too few; None where they are not."""
        if self.days < (least := MIN_DAYS_WITH_HISTORY if with_history else MIN_DAYS):
            return f"too few days: {self.days}, at least {least} are needed"
        if self.days > self.overlap or with_history:
            return None
        return f"too few days: the labels of all {self.days} days overlap, so that they share their luck"

    def _one_entity(self) -> str | None:
        """Return why no interval can be given where all rows are of one entity; None where they are not."""
        if self.fixed or self.by_entity is None or len(self.by_entity.rows) > 1:
            return None
        return (
            f"one entity cannot speak of others: all {self.rows:,} rows are of one. Declare value: {{entities: fixed}} "
            "if there are no others"
        )

    def _earlier(self, name: str, other: str | None) -> np.ndarray | None:
        """Return how each earlier day moved the mean of the same pair; None where there are too few earlier days."""
        past = self.history
        if past is None or past.days < HISTORY_DAYS or not {name, other} - {None} <= set(past.values):
            return None
        return day_influences(past.by_day.sums(name, other), past.by_day.rows)

    def _shape(self, name: str, other: str | None) -> Shape:
        """Return the shape of all rows that are known of a pair, on these days and on others."""
        names = [one for one in (name, other) if one is not None]
        known = [self.values, *(part for part in self._elsewhere() if all(one in part for one in names))]
        parts = [part[name] if other is None else part[name] - part[other] for part in known]
        return shape_of(parts, max(largest(self.values[one]) for one in names))

    def _elsewhere(self) -> list[Mapping[str, np.ndarray]]:
        return [*self.other_rows, *([self.history.values] if self.history is not None else [])]

    def _entities(self, name: str, other: str | None, figure: float) -> tuple[float, float]:
        """Return the variance that repeated entities add to that of days, and its degrees of freedom."""
        if self.fixed or self.by_entity is None or self.by_cell is None:
            return 0.0, 1.0
        variances = [clusters.variance(name, other, figure, self.rows) for clusters in (self.by_entity, self.by_cell)]
        return max(variances[0] - variances[1], 0.0), effective_number(self.by_entity.rows) - 1

    def _within(self, name: str, other: str | None, figure: float) -> float:
        """Return the share of the variance of rows that is luck: all of it, but for differences of fixed entities."""
        if not self.fixed or self.by_entity is None:
            return 1.0
        rows, count = self.by_entity.rows, len(self.by_entity.rows)
        means = self.by_entity.sums(name, other) / rows
        value = self.values[name] if other is None else self.values[name] - self.values[other]
        between, whole = float((rows * (means - figure) ** 2).sum()), float(((value - figure) ** 2).sum())
        if whole <= 0 or count >= self.rows:
            return 1.0
        return max(1 - between / whole, 0.0) * self.rows / (self.rows - count)

    def _basis(self, known: Mixture, entities: tuple[float, float]) -> dict[str, Any]:
        basis: dict[str, Any] = {
            "days": self.days,
            "effective_days": effective_days(self.by_day.rows, known.weights, self.overlap),
        }
        if self.by_entity is not None and not self.fixed:
            basis |= {"entities": len(self.by_entity.rows), "effective_entities": entities[1] + 1}
        return basis


def earnings(
    values: Mapping[str, np.ndarray],
    days: np.ndarray,
    entities: np.ndarray | None = None,
    history: Earnings | None = None,
    other_rows: Sequence[Mapping[str, np.ndarray]] = (),
    fixed: bool = False,
    horizon: timedelta = timedelta(0),
    level: float = LEVEL,
) -> Earnings:
    """Return what contenders earned a row.

    Parameters
    ----------
    values
        What each row earned, by contender; the same rows in the same order for all.
    days
        The day of each row.
    entities
        The entity of each row. Without it, or where none comes twice, entities do not count.
    history
        What the same contenders earned on earlier days that none of them was fitted on. From 60 days on it shows how
        strongly days are correlated.
    other_rows
        What rows of other days earned, training rows too: a test that happened to hold no rare gain is not thought
        calm for it.
    fixed
        Whether the entities are all that there will ever be, so that their differences are no luck.
    horizon
        How long after a prediction its label is settled: labels of neighboring days overlap where it is longer than
        a day.
    level
        The probability of intervals.
    """
    return earnings_of(values, Grouping.of(days, entities), history, other_rows, fixed, horizon, level)


def earnings_of(
    values: Mapping[str, np.ndarray],
    grouping: Grouping,
    history: Earnings | None = None,
    other_rows: Sequence[Mapping[str, np.ndarray]] = (),
    fixed: bool = False,
    horizon: timedelta = timedelta(0),
    level: float = LEVEL,
) -> Earnings:
    """Return what contenders earned a row, as `earnings` does, on rows that are grouped already."""
    values, rows, names = without_rounding(values), len(grouping.day), grouping.days
    by_day = clusters_of(values, grouping.day, len(names))
    by_entity = by_cell = None
    if grouping.entity is not None and grouping.cell is not None:
        by_entity, by_cell = clusters_of(values, *grouping.entity), clusters_of(values, *grouping.cell)
    figures = {name: float(total.sum() / rows) for name, total in by_day.totals.items()}
    known = (history, other_rows, fixed, _overlap(names, horizon), level)
    return Earnings(rows, len(names), figures, dict(values), by_day, by_entity, by_cell, *known)


def _overlap(days: np.ndarray, horizon: timedelta) -> float:
    """Return how many of these days a label spans, by their median distance."""
    if len(days) < 2:
        return 0.0
    apart = np.diff(days.astype("datetime64[D]")) / np.timedelta64(1, "D")
    return float(horizon / timedelta(days=1) / np.median(apart))
