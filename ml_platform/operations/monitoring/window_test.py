"""The test for drift: whether the mean of a window moved further than means of such windows move by themselves.

The thresholds control how often a model alarms, not a single test: `alarm_chance`
divides the alarms that a year may have among series and looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_platform.operations.monitoring.column_scale import Floats, Scale, Series
from ml_platform.operations.monitoring.daily_series import Daily
from ml_platform.operations.monitoring.persistence import (
    GRID,
    SAMPLING,
    DaysWithRows,
    PersistenceModel,
    learn_prior,
    posterior,
    threshold,
)
from ml_platform.operations.monitoring.rare_rows import rare_limit, variance_floor

ALARMS_A_YEAR = 1.0
"""How many alarms a model may have in a year where nothing changes."""

LOOKS_A_WINDOW = 10.0
"""How many independent looks those at overlapping windows count as, by simulation (docs/explanation/statistics.md)."""

LEAST_DAYS = 8
"""Fewer days with rows than this in the reference give no threshold."""

_DAYS_A_YEAR = 365.0
_HALF = 0.5
_RANKED = ("level", "spread", "position")
_JUMP = {"missing": 1.0, "share": 1.0, "level": 0.5, "spread": 1.0, "position": 0.0, "part": 1.0, "new": 1.0}
"""By how much one row can move a mean at most, times rows; positions have no rare rows (`Scale.has_positions`)."""


@dataclass(frozen=True)
class SeriesTest:
    """One series of the window beside what the reference expects.

    Attributes
    ----------
    expected, mean
        Of the window's days by the reference's weekdays, and of the window.
    threshold
        The change that is an alarm; infinite where no change would be.
    rows
        Rows of the window.
    """

    series: Series
    expected: float
    mean: float
    threshold: float
    rows: int

    @property
    def change(self) -> float:
        """By how much the mean has moved; 0 where the window has no rows, or the reference too few days."""
        return self.mean - self.expected if self.rows and np.isfinite(self.expected) else 0.0

    @property
    def ratio(self) -> float:
        """The change in thresholds, without its sign: 1 or more is an alarm.

        Fewer new values are none: a quarter that is held out of the reference has more of them than a window.
        """
        change = max(self.change, 0.0) if self.series.kind == "new" else abs(self.change)
        return change / self.threshold if np.isfinite(self.threshold) else 0.0


def alarm_chance(series: int, window_days: int, alarms_a_year: float = ALARMS_A_YEAR) -> float:
    """Return the level of one test so that about `alarms_a_year` alarms a year start by chance."""
    return alarms_a_year / (max(series, 1) * _DAYS_A_YEAR / window_days * LOOKS_A_WINDOW)


@dataclass(frozen=True)
class _Group:
    """Series that share their days, and the statistics of them in the reference."""

    places: tuple[int, ...]
    model: PersistenceModel
    effects: Floats
    squares: Floats
    floors: Floats

    @property
    def learns(self) -> np.ndarray:
        """Which series vary enough to show how persistent they are."""
        return np.asarray(self.squares[0] > 1.5 * self.floors * self.model.degrees)


class WindowTest:
    """The test of all series of a model, fitted to its reference once."""

    def __init__(self, reference: Sequence[Daily], scales: Mapping[str, Scale]) -> None:
        self.series = tuple(series for daily in reference for series in daily.series)
        self._counts = _rare_counts(reference, scales)
        self._groups = [group for daily, first in _parts(reference) for group in self._fit(daily, first)]
        learning = [group.model.log_likelihood(group.squares)[:, group.learns] for group in self._groups]
        self.prior = learn_prior(learning)

    def look(self, window: Daily, chance: float) -> list[SeriesTest]:
        """Test every series that the window has.

        Parameters
        ----------
        chance
            With which a series passes its threshold at one look where nothing changed.
        """
        expected, limits = self.expected(window), self.thresholds(window, chance)
        at = _places_in(window, self.series)
        rows, means = window.rows[:, at], window.means[:, at]
        total = rows.sum(axis=0)
        mean = np.where(rows > 0, rows * means, 0.0).sum(axis=0) / np.where(total > 0, total, 1.0)
        figures = zip(self.series, expected, mean, limits, total, strict=True)
        return [SeriesTest(name, float(e), float(m), float(c), int(n)) for name, e, m, c, n in figures]

    def expected(self, window: Daily) -> Floats:
        """Return for every series the mean that the reference expects of these days; NaN where it is too short."""
        expected = np.full(len(self.series), np.nan)
        for group in self._groups:
            rows = window.rows[:, _places_in(window, [self.series[place] for place in group.places])]
            total = rows.sum(axis=0)
            each = rows * group.model.expected(_days(window, rows), group.effects)
            expected[list(group.places)] = each.sum(axis=0) / np.where(total > 0, total, 1.0)
        return expected

    def thresholds(self, window: Daily, chance: float) -> Floats:
        """Return for every series the change of the window's mean that is an alarm; infinite where none is."""
        limits = np.full(len(self.series), np.inf)
        for group in self._groups:
            rows = window.rows[:, _places_in(window, [self.series[place] for place in group.places])]
            errors = self._errors(group, window, rows)
            by_variance = threshold(errors, self._weights(group), group.model.degrees, chance)
            for here, place in enumerate(group.places):
                by_count = self._rare(place, float(rows[:, here].sum()), chance / 2.0)
                limits[place] = max(by_variance[here], by_count)
        return limits

    def _errors(self, group: _Group, window: Daily, rows: Floats) -> Floats:
        factors = group.model.variance_factors(_days(window, rows), rows)
        variance = np.maximum(group.squares / group.model.degrees, group.floors)
        return np.asarray(np.sqrt(variance * factors))

    def _weights(self, group: _Group) -> Floats:
        weights = posterior(group.model.log_likelihood(group.squares), self.prior)
        weights[:, ~group.learns] = (np.arange(len(GRID)) == GRID.index(SAMPLING))[:, None]
        return weights

    def _rare(self, place: int, window_rows: float, chance: float) -> float:
        count, rows = self._counts[place]
        if rows <= 0 or count > _HALF * rows:
            return 0.0
        return _JUMP[self.series[place].kind] * rare_limit(count, rows, window_rows, chance)

    def _fit(self, daily: Daily, first: int) -> list[_Group]:
        groups = []
        for places in _grouped(daily):
            rows = daily.rows[:, places]
            days = np.flatnonzero(rows.min(axis=1) > 0)
            if len(days) < LEAST_DAYS:
                continue
            model = PersistenceModel(_days(daily, rows, days))
            means = daily.means[days][:, places]
            rows_a_day = rows[days].mean(axis=0)
            floors = [self._floor(first + place, rows_a_day[here]) for here, place in enumerate(places)]
            effects, squares = model.weekday_effects(means), model.squares(means)
            group_places = tuple(first + place for place in places)
            groups.append(_Group(group_places, model, effects, squares, np.array(floors)))
        return groups

    def _floor(self, place: int, rows_a_day: float) -> float:
        count, rows = self._counts[place]
        if count > _HALF * rows:
            return 0.0
        return _JUMP[self.series[place].kind] ** 2 * variance_floor(count, rows, rows_a_day)


def _days(daily: Daily, rows: Floats, chosen: np.ndarray | slice = slice(None)) -> DaysWithRows:
    weekdays = None if daily.weekdays is None else daily.weekdays[chosen]
    return DaysWithRows(daily.numbers[chosen], rows[chosen].mean(axis=1), weekdays)


def _parts(reference: Sequence[Daily]) -> list[tuple[Daily, int]]:
    starts = np.cumsum([0, *(len(daily.series) for daily in reference)])
    return [(daily, int(start)) for daily, start in zip(reference, starts, strict=False)]


def _places_in(window: Daily, series: Sequence[Series]) -> list[int]:
    position = {name: place for place, name in enumerate(window.series)}
    return [position[name] for name in series]


def _rare_counts(reference: Sequence[Daily], scales: Mapping[str, Scale]) -> list[tuple[float, float]]:
    """Return for each series how many rows are apart from the usual ones, and all rows: a mean of few rows is rare."""
    rare = []
    for daily in reference:
        totals = daily.rows.sum(axis=0)
        counts = np.nansum(daily.means * daily.rows, axis=0)
        for place, series in enumerate(daily.series):
            rows, count = float(totals[place]), float(counts[place])
            if series.kind in _RANKED:
                count = rows - scales[series.column].frequent
            rare.append((min(count, rows - count) if series.kind not in _RANKED else count, rows))
    return rare


def _grouped(daily: Daily) -> list[list[int]]:
    """Return the series in groups that have about the same rows on each day, up to a factor: a model for each group."""
    groups: dict[bytes, list[int]] = {}
    for place in range(len(daily.series)):
        rows = daily.rows[:, place]
        usual = np.median(rows[rows > 0]) if (rows > 0).any() else 1.0
        steps = np.where(rows > 0, np.round(2.0 * np.log2(np.maximum(rows, 0.5) / usual)), -99.0)
        groups.setdefault(steps.astype(np.int64).tobytes(), []).append(place)
    return list(groups.values())
