"""What is followed of a column from day to day: shares and means that are bounded, so that no tail can hide a change.

Of every column the share of missing values. Of a number the mean of its mid-rank in the
reference's distribution (the probability integral transform: 0 to 1, equal values get
the middle), the mean of |2 rank - 1|, its spread, and the mean of its position: the
normal score of the rank, which continues beyond the reference's range. Ranks see shifts,
flags and zero inflation, the spread sees changes of scale; the position sees a large
shift of a column whose level moves much by itself, where ranks have an end. Of a
category the share of each frequent value, and of values that are new or rare; of one
with more than ten values the share of four parts of the others, and of rows whose value
the reference never had.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy  # loads scipy.special when it is first used

from ml_platform.core.statistics.histograms import is_numeric, numbers_of
from ml_platform.operations.monitoring import rare_values

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Kind = Literal["missing", "level", "spread", "position", "share", "part", "new"]

OTHER = "new or rare"
_KNOTS = np.linspace(0.0, 1.0, 501)
_CATEGORIES = 10
_BEYOND = 2.0  # how far positions go on beyond those of the reference's ends, in standard deviations
_HALF = 0.5
TWO = 2  # a number with this many values at most is followed by their shares


@dataclass(frozen=True)
class Series:
    """One figure a day of one column.

    Attributes
    ----------
    value
        For ``share``: the value whose share it is; for ``part``: which part of the rare values.
    """

    column: str
    kind: Kind
    value: str = ""

    @property
    def text(self) -> str:
        """What the figure is, in words."""
        if self.kind == "new":
            return "share of values that the reference never had"
        if self.kind == "part":
            return f"share of rare values, part {self.value} of {rare_values.PARTS}"
        return f"share of {self.value}" if self.kind == "share" else self.kind


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
    occupied
        For categories with more values than are followed: the places of all values, by `rare_values.pack`.
    """

    knots: tuple[float, ...] = ()
    below: tuple[int, ...] = ()
    upto: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    is_number: bool = True
    known: int = 0
    frequent: int = 0
    occupied: str = ""

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
        shares = self.categories[1:] if len(self.categories) <= TWO else self.categories
        followed = [missing, *(Series(column, "share", value) for value in shares)]
        if not self.occupied:
            return (*followed, Series(column, "share", OTHER))
        parts = [Series(column, "part", str(part + 1)) for part in range(rare_values.PARTS)]
        return (*followed, *parts, Series(column, "new"))

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


def scale_of(values: pd.Series) -> Scale:
    """Return the scale of a column of a reference."""
    known = values[values.notna()]
    if not is_numeric(values):
        return _by_category(texts_of(known, is_number=False).value_counts(), is_number=False)
    numbers = np.sort(numbers_of(known))
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= TWO:
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
    has_rare = len(ordered) > _CATEGORIES
    occupied = rare_values.pack(rare_values.places_of(name for _, name in ordered)) if has_rare else ""
    return Scale(categories=names, is_number=is_number, known=known, frequent=frequent, occupied=occupied)


def texts_of(values: pd.Series, is_number: bool) -> pd.Series:
    """Return values as the texts that `Scale.categories` has."""
    if is_number and is_numeric(values):
        return pd.Series([_short(value) for value in numbers_of(values)], dtype=object)
    return values.astype(object).map(str)


def _short(value: float) -> str:
    return f"{value:.12g}"
