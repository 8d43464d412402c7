"""The daily figures of columns: for each day and series a mean, and over how many rows it is.

`ml_platform.operations.monitoring.column_scale` defines which series a column has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml_platform.core.statistics.histograms import numbers_of
from ml_platform.operations.monitoring import rare_values
from ml_platform.operations.monitoring.column_scale import TWO, Floats, Ints, Scale, Series, texts_of

_WEEK = 7


@dataclass(frozen=True)
class Daily:
    """Means of series over the rows of days.

    Attributes
    ----------
    numbers
        Of the days that have rows, ascending.
    series
        The names of the columns of `means` and `rows`.
    means
        One row a day, one column a series; NaN where the series has no row that day.
    rows
        How many rows each mean is over: all for ``missing``, else those with a value.
    weekdays
        Which share of a day's rows lies on which of the seven weekdays; None: a number modulo 7 is a weekday.
    """

    numbers: Ints
    series: tuple[Series, ...]
    means: Floats
    rows: Floats
    weekdays: Floats | None = None


def daily_series(
    frame: pd.DataFrame,
    days: Ints,
    scales: Mapping[str, Scale],
    rates: Mapping[str, pd.Series] | None = None,
    weekdays: Ints | None = None,
    *,
    is_reference: bool = False,
) -> Daily:
    """Return the daily means of what is followed of each column.

    Parameters
    ----------
    frame
        Rows with the columns of `scales`.
    days
        The number of each row's day.
    rates
        For columns that only grow: the rate of growth of each row, which takes the value's place.
    weekdays
        The weekday of each row, 0 to 6; without it, that of its day's number modulo 7.
    is_reference
        Whether the rows are those of `scales`: a value is then new where no other quarter of the days has it.
    """
    numbers, places = np.unique(days, return_inverse=True)
    count = len(numbers)
    total = np.bincount(places, minlength=count).astype("float64")
    series: list[Series] = []
    means: list[Floats] = []
    rows: list[Floats] = []
    for column, scale in scales.items():
        values = frame[column]
        missing = np.bincount(places, weights=values.isna().to_numpy(), minlength=count)
        looked_at = (rates or {}).get(column, values)
        sums, known = _sums(looked_at, scale, places, count, is_reference=is_reference)
        followed = scale.series(column)
        weights = [total, *[known] * (len(followed) - 1)]
        series += followed
        rows += weights
        means += [
            _ratio(np.asarray(each, dtype="float64"), weight)
            for each, weight in zip([missing, *sums], weights, strict=True)
        ]
    shape = (len(series), count)
    shares = None if weekdays is None else _shares(weekdays, places, count)
    return Daily(numbers, tuple(series), np.reshape(means, shape).T.copy(), np.reshape(rows, shape).T.copy(), shares)


def _shares(weekdays: Ints, places: Ints, count: int) -> Floats:
    """Return which share of the rows of each day lies on which weekday."""
    counts = np.bincount(places * _WEEK + weekdays, minlength=count * _WEEK).reshape(count, _WEEK)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _sums(
    values: pd.Series, scale: Scale, places: Ints, count: int, *, is_reference: bool
) -> tuple[list[Floats], Floats]:
    """Return the daily sums of what is followed of the values, and how many rows have a value."""
    has_value = values.notna().to_numpy()
    if scale.is_ranked:
        where, numbers = places[has_value], numbers_of(values[has_value])
        sums = [np.asarray(each, dtype="float64") for each in scale.sums(numbers, where, count)]
        return sums, np.asarray(np.bincount(where, minlength=count), dtype="float64")
    where = places[has_value]
    codes, categories = pd.factorize(values[has_value])
    texts = texts_of(pd.Series(categories), scale.is_number)
    position = {name: place for place, name in enumerate(scale.categories)}
    other = len(position)
    which = np.array([position.get(text, other) for text in texts], dtype=np.int64)[codes] if len(codes) else codes
    counts = np.bincount(where * (other + 1) + which, minlength=count * (other + 1)).reshape(count, other + 1)
    followed = [place for place in range(other + 1) if place == other or other > TWO or place > 0]
    if scale.occupied:
        followed.remove(other)
    sums = [np.asarray(counts[:, place], dtype="float64") for place in followed]
    if scale.occupied:
        slots = rare_values.places_of(texts)[codes]
        is_new = rare_values.is_new(slots, scale.occupied, (where, count) if is_reference else None)
        sums += rare_values.daily_sums(slots, which == other, is_new, where, count)
    return sums, np.asarray(np.bincount(where, minlength=count), dtype="float64")


def _ratio(sums: Floats, weights: Floats) -> Floats:
    return np.asarray(np.where(weights > 0, sums / np.where(weights > 0, weights, 1.0), np.nan))
