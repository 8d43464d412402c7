"""What is followed of a column from day to day: shares and means that are bounded, so that no tail can hide a change.

Of every column the share of missing values. Of a number the mean of its mid-rank in the
reference's distribution (the probability integral transform: 0 to 1, equal values get
the middle), the mean of |2 rank - 1|, its spread, and the mean of its position: the
normal score of the rank, which continues beyond the reference's range. Ranks see shifts,
flags and zero inflation, the spread sees changes of scale; the position sees a large
shift of a column whose level moves much by itself, where ranks have an end. Of a
category the share of each frequent value, and of values that are new or rare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy  # loads scipy.special when it is first used

from ml_platform.core.statistics.histograms import is_numeric, numbers_of

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Kind = Literal["missing", "level", "spread", "position", "share"]

OTHER = "new or rare"
_KNOTS = np.linspace(0.0, 1.0, 501)
_CATEGORIES = 10
_BEYOND = 2.0  # how far positions go on beyond those of the reference's ends, in standard deviations
_HALF = 0.5
_WEEK = 7
_TWO = 2  # a number with this many values at most is followed by their shares


@dataclass(frozen=True)
class Series:
    """One figure a day of one column.

    Attributes
    ----------
    value
        For ``share``: the value whose share it is.
    """

    column: str
    kind: Kind
    value: str = ""


@dataclass(frozen=True)
class Scale:
    """A column's values in the reference, by which later values are measured.

    Attributes
    ----------
    knots
        For numbers: every distinct value, or the 501 quantiles if there are more, ascending.
    below, upto
        How many of the reference's values are less than each knot, and how many are not greater.
    categories
        For other columns, and for numbers with at most two values: the most frequent values, ten at most.
    is_number
        Whether categories are numbers, written in their shortest form.
    known
        How many of the reference's rows have a value.
    frequent
        How many of them have the most frequent one.
    """

    knots: tuple[float, ...] = ()
    below: tuple[int, ...] = ()
    upto: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    is_number: bool = True
    known: int = 0
    frequent: int = 0

    @property
    def is_ranked(self) -> bool:
        """Whether values are followed by their ranks, and not by the shares of categories."""
        return bool(self.knots)

    def series(self, column: str) -> tuple[Series, ...]:
        """Return what is followed of the column."""
        missing = Series(column, "missing")
        if self.is_ranked:
            ranked = (missing, Series(column, "level"), Series(column, "spread"))
            return (*ranked, Series(column, "position")) if self.has_positions else ranked
        # of two values one share is enough, the other is the rest
        shares = self.categories[1:] if len(self.categories) <= _TWO else self.categories
        return (missing, *(Series(column, "share", value) for value in (*shares, OTHER)))

    @property
    def has_positions(self) -> bool:
        """Whether positions are followed: not if one value is more frequent than all others together."""
        return self.is_ranked and self.frequent <= _HALF * self.known

    def ranks(self, numbers: Floats) -> Floats:
        """Return the mid-rank of each number in the reference's distribution, from 0 to 1."""
        return np.asarray(self._figures[0][self._places(numbers)])

    def positions(self, numbers: Floats) -> Floats:
        """Return the normal score of each rank; beyond the reference's range it grows with the distance."""
        places = self._places(numbers)
        return np.asarray(self._figures[2][places] + self._beyond(numbers, places))

    def sums(self, numbers: Floats, days: Ints, count: int) -> list[Floats]:
        """Return for each of `count` days the sums of ranks, of their spread, and of positions if they are followed."""
        places, width = self._places(numbers), 2 * len(self.knots) + 1
        counts = np.bincount(days * width + places, minlength=count * width).reshape(count, width)
        rank, spread, position = (counts @ figure for figure in self._figures)
        if not self.has_positions:
            return [rank, spread]
        ends = (places == 0) | (places == width - 1)
        beyond = self._beyond(numbers[ends], places[ends])
        return [rank, spread, position + np.bincount(days[ends], beyond, count)]

    @cached_property
    def _edges(self) -> Floats:
        return np.append(self.knots, np.nan)

    def _places(self, numbers: Floats) -> Ints:
        """Return where each number is: the knots have odd places, what is between them even ones."""
        places = np.searchsorted(self._edges[:-1], numbers, side="left")
        return np.asarray(2 * places + (numbers == self._edges[places]), dtype=np.int64)

    @cached_property
    def _figures(self) -> tuple[Floats, Floats, Floats]:
        """The mid-rank, its spread and its normal score at each place."""
        ranks = np.empty(2 * len(self.knots) + 1)
        ranks[1::2] = np.add(self.below, self.upto) / 2.0
        ranks[0::2] = (np.append(0, self.upto) + np.append(self.below, self.known)) / 2.0
        ranks[0], ranks[-1] = 0.0, self.known
        ranks /= self.known
        end = 0.5 / self.known
        return ranks, np.abs(2.0 * ranks - 1.0), np.asarray(scipy.special.ndtri(np.clip(ranks, end, 1.0 - end)))

    def _beyond(self, numbers: Floats, places: Ints) -> Floats:
        """Return how far numbers are beyond the reference's range, with their sign, in standard deviations; 2 at most.

        The unit is half of what lies between the ranks 0.16 and 0.84: a standard deviation if the column is normal.
        """
        ranks = np.multiply(scipy.special.ndtr((-1.0, 1.0)), self.known)
        quantiles = np.minimum(np.searchsorted(self.upto, ranks), len(self.knots) - 1)
        unit = float(np.diff(self._edges[quantiles])[0]) / 2.0
        if not (np.isfinite(unit) and unit > 0):
            return np.zeros(len(numbers))
        above = np.where(places == 2 * len(self.knots), numbers - self._edges[-2], 0.0)
        below = np.where(places == 0, numbers - self._edges[0], 0.0)
        return np.asarray(np.clip((above + below) / unit, -_BEYOND, _BEYOND))


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


def scale_of(values: pd.Series) -> Scale:
    """Return the scale of a column of a reference."""
    known = values[values.notna()]
    if not is_numeric(values):
        return _by_category(_texts(known, is_number=False).value_counts(), is_number=False)
    numbers = np.sort(numbers_of(known))
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= _TWO:
        return _by_category(pd.Series(counts, index=[_short(value) for value in distinct]), is_number=True)
    knots = distinct
    if len(distinct) > len(_KNOTS):
        knots = np.unique(np.quantile(numbers, _KNOTS, method="inverted_cdf"))
    return Scale(
        knots=tuple(map(float, knots)),
        below=tuple(map(int, np.searchsorted(numbers, knots, side="left"))),
        upto=tuple(map(int, np.searchsorted(numbers, knots, side="right"))),
        known=len(numbers),
        frequent=int(counts.max()),
    )


def _by_category(counts: pd.Series, *, is_number: bool) -> Scale:
    ordered = sorted((-int(count), str(name)) for name, count in counts.items() if count)
    known = -sum(count for count, _ in ordered)
    frequent = -ordered[0][0] if ordered else 0
    names = tuple(name for _, name in ordered[:_CATEGORIES])
    return Scale(categories=names, is_number=is_number, known=known, frequent=frequent)


def daily_series(
    frame: pd.DataFrame,
    days: Ints,
    scales: Mapping[str, Scale],
    rates: Mapping[str, pd.Series] | None = None,
    weekdays: Ints | None = None,
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
        sums, known = _sums((rates or {}).get(column, values), scale, places, count)
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


def _sums(values: pd.Series, scale: Scale, places: Ints, count: int) -> tuple[list[Floats], Floats]:
    """Return the daily sums of what is followed of the values, and how many rows have a value."""
    has_value = values.notna().to_numpy()
    if scale.is_ranked:
        where, numbers = places[has_value], numbers_of(values[has_value])
        sums = [np.asarray(each, dtype="float64") for each in scale.sums(numbers, where, count)]
        return sums, np.asarray(np.bincount(where, minlength=count), dtype="float64")
    where = places[has_value]
    codes, categories = pd.factorize(values[has_value])
    texts = _texts(pd.Series(categories), scale.is_number)
    position = {name: place for place, name in enumerate(scale.categories)}
    other = len(position)
    which = np.array([position.get(text, other) for text in texts], dtype=np.int64)[codes] if len(codes) else codes
    counts = np.bincount(where * (other + 1) + which, minlength=count * (other + 1)).reshape(count, other + 1)
    followed = [place for place in range(other + 1) if place == other or other > _TWO or place > 0]
    sums = [np.asarray(counts[:, place], dtype="float64") for place in followed]
    return sums, np.asarray(np.bincount(where, minlength=count), dtype="float64")


def _texts(values: pd.Series, is_number: bool) -> pd.Series:
    if is_number and is_numeric(values):
        return pd.Series([_short(value) for value in numbers_of(values)], dtype=object)
    return values.astype(object).map(str)


def _short(value: float) -> str:
    return f"{value:.12g}"


def _ratio(sums: Floats, weights: Floats) -> Floats:
    return np.asarray(np.where(weights > 0, sums / np.where(weights > 0, weights, 1.0), np.nan))
