"""Drift: whether the columns of the current window differ from the champion's reference by more than they move anyway.

`ml_platform.operations.monitoring.daily_series` defines what is followed of a column,
`ml_platform.operations.monitoring.window_test` how far it may move; this module turns both into
one verdict a column, and one for the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.clock import to_micros
from ml_platform.core.statistics.histograms import Histogram, choose_bins, count_values
from ml_platform.core.statistics.population_stability import largest_shift
from ml_platform.declarations.in_production import Monitoring
from ml_platform.operations.monitoring.column_scale import Ints, Scale, scale_of
from ml_platform.operations.monitoring.daily_series import daily_series
from ml_platform.operations.monitoring.drift_counts import count_verdicts
from ml_platform.operations.monitoring.drift_result import (
    ColumnDrift,
    ColumnVerdict,
    Current,
    DriftReference,
    DriftResult,
    Verdict,
)
from ml_platform.operations.monitoring.growth import growing_columns, growth_rates
from ml_platform.operations.monitoring.smallest_change import smallest_change
from ml_platform.operations.monitoring.window_test import LEAST_DAYS, SeriesTest, alarm_chance

UNDECIDED_FROM = 0.25
"""No verdict on a level or a share whose threshold is above this. For the level of a normal feature: 0.95 sd."""

_WATCHED = ("missing", "level", "share", "part", "new")

REFERENCE_DAYS = 91
"""The reference is the last days with rows, this many at most: thirteen weeks of daily batches."""

_DAY = timedelta(days=1)
_WEEK = 7
_DAY_MICROSECONDS = 86_400_000_000
_TOLERANCE = 1e-9  # of a threshold: a share that whole rows reach exactly is an alarm


def day_numbers(times: pd.Series, end: datetime) -> Ints:
    """Return the number of the day of each instant, in days of 24 hours that end at the hour of `end`.

    Numbers count from 1970, and a day is numbered by most of its 24 hours, in UTC. Its weekdays are those of its rows
    (`weekday_numbers`): a batch run of 06:00 is Monday's, whenever its day ends.

    >>> from datetime import UTC
    >>> at = pd.Series(pd.to_datetime(["1970-01-08T06:00Z", "1970-01-08T06:01Z", "1970-01-09T06:00Z"]))
    >>> day_numbers(at, datetime(1970, 1, 9, 6, tzinfo=UTC)).tolist()
    [6, 7, 7]
    """
    edge = to_micros(end)
    last = (edge - _DAY_MICROSECONDS // 2) // _DAY_MICROSECONDS
    micros = times.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return np.asarray(last - (edge - micros) // _DAY_MICROSECONDS)


def weekday_numbers(times: pd.Series) -> Ints:
    """Return the weekday of each instant in UTC: days since 1970 modulo 7."""
    micros = times.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return np.asarray(micros // _DAY_MICROSECONDS % _WEEK)


def summarize_reference(
    features: tuple[pd.DataFrame, pd.Series],
    scores: tuple[pd.DataFrame, pd.Series],
    keys: Mapping[str, Sequence[str]] | None = None,
) -> DriftReference:
    """Return the reference of features and scores, each a frame with the instants of its rows.

    Parameters
    ----------
    keys
        For each feature the columns that name its entity; the frame of features holds them too. Only these features
        are followed; by default all columns of the frame.
    """
    frame, times = features
    keys = {str(name): () for name in frame.columns} if keys is None else keys
    growing = growing_columns(frame, times, keys)
    rates = growth_rates(frame, times, growing)
    parts: tuple[tuple[pd.DataFrame, pd.Series, Mapping[str, pd.Series]], ...]
    parts = ((frame[list(keys)], times, rates), (*scores, {}))
    scales: dict[str, Scale] = {}
    histograms: dict[str, Histogram] = {}
    daily = []
    for part, instants, replaced in parts:
        days, kept = _last_days(instants)
        rows = part[kept]
        looked_at = {name: replaced[name][kept] if name in replaced else rows[name] for name in rows.columns}
        of_columns = {name: scale_of(values) for name, values in looked_at.items()}
        growth = {name: looked_at[name] for name in replaced}
        weekdays = weekday_numbers(instants[kept])
        daily.append(daily_series(rows, days[kept], of_columns, growth, weekdays, is_reference=True))
        scales |= of_columns
        histograms |= {name: count_values(values, choose_bins(values)) for name, values in looked_at.items()}
    return DriftReference(
        scales, histograms, tuple(daily), tuple(map(str, scores[0].columns)), growing, _batches_a_day(times)
    )


def _last_days(times: pd.Series) -> tuple[Ints, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the number of each row's day, and whether the day is among the last that the reference keeps."""
    if not len(times):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    days = day_numbers(times, times.max().to_pydatetime())
    first = np.unique(days)[-REFERENCE_DAYS:][0]
    return days, days >= first


def _batches_a_day(times: pd.Series) -> float:
    if not len(times):
        return 1.0
    runs = times.drop_duplicates()
    return float(np.median(np.unique(day_numbers(runs, times.max().to_pydatetime()), return_counts=True)[1]))


def window_start(reference: DriftReference, start: datetime, end: datetime) -> datetime:
    """Return the instant after which rows are in the current window: a first day that is not whole is left out."""
    if reference.batches_a_day > 1 and (end - start) % _DAY:
        return end - (end - start) // _DAY * _DAY
    return start


def summarize_window(
    reference: DriftReference, rows: pd.DataFrame, times: pd.Series, start: datetime, end: datetime
) -> Current:
    """Return the figures of the current window, over days that count back from its end.

    A first day that is not whole is left out if a day has several batch runs: the hours of the night alone are no day.

    Parameters
    ----------
    rows, times
        Rows with every column of the reference, and the keys of those that grow, and the instant of each row; also of
        earlier rows, from which growth is computed.
    start
        When the window begins, or when the champion was deployed if that is later.
    """
    rates = growth_rates(rows, times, reference.growing)
    days = day_numbers(times, end)
    inside = (times > window_start(reference, start, end)).to_numpy()
    looked_at = {name: (rates[name] if name in rates else rows[name])[inside] for name in reference.scales}
    kept = rows[inside]
    growth = {name: looked_at[name] for name in rates}
    daily = daily_series(kept, days[inside], reference.scales, growth, weekday_numbers(times[inside]))
    histograms = {name: count_values(looked_at[name], reference.histograms[name].bins) for name in reference.scales}
    return Current(int(inside.sum()), daily, histograms)


def compare(reference: DriftReference, current: Current, settings: Monitoring) -> DriftResult:
    """Compare every column of the reference with the current window and give the verdicts.

    The model has drifted if any column has: thresholds are chosen so that a model where nothing changed alarms about
    once a year.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the last bits of products of large matrices depend on the number of threads
        chance = alarm_chance(len(reference.test.series), window_days(settings.window))
        tests: dict[str, list[SeriesTest]] = {}
        for each in reference.test.look(current.daily, chance):
            tests.setdefault(each.series.column, []).append(each)
        enough = current.rows >= settings.min_rows
        compared = [_column(name, reference, current, tests[name], enough) for name in reference.scales]
    columns = tuple(sorted(compared, key=lambda column: (-column.ratio, column.column)))
    verdict, reason = _verdict(columns, current.rows, settings)
    return DriftResult(verdict, reason, current.rows, columns)


def window_days(window: timedelta) -> int:
    """Return the length of a window in whole days, rounded up."""
    return max(1, -(-window // _DAY))


def drift_in_words(column: ColumnDrift) -> str:
    """Return how far a column has moved: ``level 0.50 -> 0.71, moves 0.06 by itself (above 120: 10.0% -> 41.2%)``."""
    percent = column.what == "missing" or column.what.startswith("share of ")
    before, now, alone = (
        f"{figure:.1%}" if percent else f"{figure:.2f}"
        for figure in (column.expected, column.mean, column.threshold or 0)
    )
    what = f"{column.what} of its growth a day" if column.by_growth and not percent else column.what
    moved = f" ({column.moved})" if column.moved else ""
    return f"{what} {before} -> {now}, by itself at most {alone} apart{moved}"


def _column(
    name: str, reference: DriftReference, current: Current, tests: Sequence[SeriesTest], enough: bool
) -> ColumnDrift:
    missing, worst = tests[0], max(tests, key=lambda test: test.ratio)
    days = reference.days[name]
    verdict, note = _column_verdict(name, reference, tests, enough)
    return ColumnDrift(
        column=name,
        role="score" if name in reference.scores else "feature",
        verdict=verdict,
        drifted=verdict == "drifted",
        what=worst.series.text,
        expected=worst.expected if np.isfinite(worst.expected) else 0.0,
        mean=worst.mean,
        threshold=worst.threshold if np.isfinite(worst.threshold) else None,
        ratio=worst.ratio,
        smallest_visible=smallest_change(reference.scales[name], tests, by_growth=name in reference.growing),
        by_growth=name in reference.growing,
        note=note,
        reference_days=days,
        current_rows=missing.rows,
        reference_missing=missing.expected if np.isfinite(missing.expected) else 0.0,
        current_missing=missing.mean,
        moved=largest_shift(reference.histograms[name], current.histograms[name]),
    )


def _column_verdict(
    name: str, reference: DriftReference, tests: Sequence[SeriesTest], enough: bool
) -> tuple[ColumnVerdict, str]:
    """Return the verdict on a column, and why there is none."""
    if not enough:
        return "too few rows", "too few rows in the current window"
    if any(test.ratio >= 1.0 - _TOLERANCE for test in tests):
        return "drifted", ""
    days = reference.days[name]
    if days < LEAST_DAYS and reference.scales[name].known:
        return "inconclusive", f"the reference has values on {days} days, at least {LEAST_DAYS} are needed"
    known = reference.scales[name].known > 0
    watched = [test for test in tests if test.series.kind in _WATCHED and (known or test.series.kind == "missing")]
    if any(test.series.kind == "new" and test.expected + test.threshold > 1.0 for test in tests):
        return "inconclusive", "nearly all values are new to the reference by themselves: more of them would not show"
    if all(test.threshold <= UNDECIDED_FROM for test in watched):
        return "not drifted", ""
    if any(not test.rows for test in watched):
        what = "earlier rows of the same entities" if name in reference.growing else "values"
        return "inconclusive", f"the current window has no {what}"
    moves = f"it moves by itself: {days} days of reference cannot separate a smaller change from that"
    return "inconclusive", moves


def _verdict(columns: Sequence[ColumnDrift], rows: int, settings: Monitoring) -> tuple[Verdict, str]:
    if rows < settings.min_rows:
        return "too few rows", f"{rows:,} rows in the current window, fewer than {settings.min_rows:,}"
    counts = count_verdicts(column.verdict for column in columns)
    scores = [column.column for column in columns if column.drifted and column.role == "score"]
    reason = counts.text + (f"; the score has drifted ({', '.join(scores)})" if scores else "")
    if counts.drifted:
        return "drift", reason
    return ("inconclusive" if counts.undecided == counts.columns else "stable"), reason
