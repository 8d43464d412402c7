"""Sums over clusters of rows, and the shape of what single rows earn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

_ROUNDING = 1e-9
_SAME = 1e-12
"""The share of two amounts by which they may differ and be the same: sums are rounded."""
_BLOCK = 1 << 15
"""How many rows are raised to powers at once: they stay in the cache of a processor."""
_SPARSE = 8
"""A range of whole numbers with at most so many places for each row is counted; a larger one is sorted."""


@dataclass(frozen=True)
class Clusters:
    """Rows added up by cluster: by day, by entity, or by both.

    Attributes
    ----------
    rows
        Rows of each cluster.
    totals
        What they earned, by contender.
    """

    rows: np.ndarray
    totals: Mapping[str, np.ndarray]

    def sums(self, name: str, other: str | None) -> np.ndarray:
        """Return what a contender earned by cluster, or how much more than another."""
        return self.totals[name] if other is None else self.totals[name] - self.totals[other]

    def variance(self, name: str, other: str | None, mean: float, rows: int) -> float:
        """Return the variance of the mean of a row where clusters are independent, each correlated within.

        Liang and Zeger, Biometrika 1986, times G / (G - 1) for an effective number G of clusters.
        """
        off = self.sums(name, other) - self.rows * mean
        number = rows**2 / float((self.rows**2).sum())
        return float((off**2).sum()) / rows**2 * (number / (number - 1) if number > 1 else 1.0)


def clusters_of(values: Mapping[str, np.ndarray], place: np.ndarray, count: int) -> Clusters:
    """Return the sums of clusters, by the number of each row's cluster."""
    totals = {name: np.bincount(place, weights=value, minlength=count) for name, value in values.items()}
    return Clusters(np.bincount(place, minlength=count).astype("float64"), totals)


@dataclass(frozen=True)
class Grouping:
    """Which day, entity and both each row belongs to: the same for all that is earned on these rows.

    Attributes
    ----------
    days
        The distinct days in order.
    day, entity, cell
        The number of each row's day, entity, and of both, with how many there are; None where no entity comes twice.
    """

    days: np.ndarray
    day: np.ndarray
    entity: tuple[np.ndarray, int] | None = None
    cell: tuple[np.ndarray, int] | None = None

    @classmethod
    def of(cls, days: np.ndarray, entities: np.ndarray | None = None) -> Self:
        """Group rows by their days, and by their entities where these come again."""
        names, place = numbered(days)
        if entities is not None:
            keys, owner = numbered(np.asarray(entities))
            if len(keys) < len(owner):
                cells, cell = numbered(owner.astype("int64") * len(names) + place)
                return cls(names, place, (owner, len(keys)), (cell, len(cells)))
        return cls(names, place)


def numbered(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys in order, and the place of each row's key among them, as `numpy.unique` does.

    Days and numbers of entities are near each other, and are counted and not sorted: that takes a fifth of the time.

    >>> names, place = numbered(np.array([7, 3, 7, 4]))
    >>> names.tolist(), place.tolist()
    ([3, 4, 7], [2, 0, 2, 1])
    """
    whole = keys.view("int64") if keys.dtype.kind == "M" else keys
    if whole.dtype.kind != "i" or not len(whole):
        return np.unique(keys, return_inverse=True)
    first = int(whole.min())
    span = int(whole.max()) - first + 1
    if keys.dtype.kind == "M":
        whole, first, span = _in_days(keys, whole, first, span)
    if span > _SPARSE * len(whole) + 1024:
        return np.unique(keys, return_inverse=True)
    offset = whole - first
    present = np.zeros(span, dtype=bool)
    present[offset] = True
    place = (np.cumsum(present) - 1)[offset]
    names = np.flatnonzero(present) + first
    return (names.astype("datetime64[D]").astype(keys.dtype) if keys.dtype.kind == "M" else names), place


def _in_days(keys: np.ndarray, whole: np.ndarray, first: int, span: int) -> tuple[np.ndarray, int, int]:
    """Return instants as numbers of days with the first and how many there may be, where all are midnights."""
    step = int(np.timedelta64(1, "D").astype(f"timedelta64[{np.datetime_data(keys.dtype)[0]}]").astype("int64"))
    if first % step or (whole % step).any():
        return whole, first, span
    days = whole // step
    return days, first // step, (span - 1) // step + 1


@dataclass(frozen=True)
class Shape:
    """Number and central moments of what single rows earn; moments of 0 where all earn the same but for rounding."""

    rows: int
    second: float
    third: float
    fourth: float

    def freedom(self) -> float:
        """Return the degrees of freedom of the variance of rows: their number, and fewer where tails are heavy.

        The variance s^2 of n rows varies by s^4 (kurtosis - 1) / n, one with f degrees of freedom by 2 s^4 / f
        (Satterthwaite, Biometrics Bulletin 1946).
        """
        if self.second == 0:
            return 1.0
        return max(2 * self.rows / max(self.fourth / self.second**2 - 1, 2.0), 1.0)

    def gains(self, calm: float = 1.0) -> float:
        """Return one over the squared skewness of the rows' sum: the number of gains where gains are rare.

        A sum of n rows, each of which is 0 or, with a small probability p, one amount, has the skewness 1 / sqrt(n p).

        Parameters
        ----------
        calm
            How many times the variance of a sum is that of its rows alone: what days add makes it less skewed.
        """
        return math.inf if self.third == 0 else self.rows * self.second**3 / self.third**2 * max(calm, 1.0) ** 3


def shape_of(parts: Sequence[np.ndarray], scale: float) -> Shape:
    """Return the shape of rows that come in several parts.

    Parameters
    ----------
    scale
        The largest amount that the rows were computed from: it sets which differences are rounding.
    """
    count = sum(len(part) for part in parts)
    mean = sum(float(part.sum()) for part in parts) / count
    second, third, fourth = (total / count for total in _powers(parts, mean))
    if math.sqrt(second) <= _ROUNDING * scale:
        return Shape(count, 0.0, 0.0, 0.0)
    return Shape(count, second, third, fourth)


def _powers(parts: Sequence[np.ndarray], mean: float) -> tuple[float, float, float]:
    """Return the sums of the second, third and fourth powers of what rows are off their mean.

    The last bits of a product by BLAS depend on the number of threads, and waiting threads take most of the time.
    """
    sums = np.zeros(3)
    for part in parts:
        for start in range(0, len(part), _BLOCK):
            off = part[start : start + _BLOCK] - mean
            square = off * off
            sums += square.sum(), np.einsum("i,i->", off, square), np.einsum("i,i->", square, square)
    return float(sums[0]), float(sums[1]), float(sums[2])


def without_rounding(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what rows earned, where contenders that differ by the rounding of their sums alone earn the same.

    Payoffs written in two ways, as 0.1 + 0.2 and 0.3, differ by 5e-17: on many rows, that would look beyond doubt.
    """
    same: dict[str, np.ndarray] = {}
    scales = {name: largest(value) for name, value in values.items()}
    for name, value in values.items():
        for rival, other in same.items():
            apart = np.abs(value - other)
            near = np.flatnonzero((apart > 0) & (apart <= _SAME * max(scales[name], scales[rival])))
            close = near[apart[near] <= _SAME * np.maximum(np.abs(value[near]), np.abs(other[near]))]
            if len(close):
                value = value.copy()
                value[close] = other[close]
        same[name] = value
    return same


def largest(value: np.ndarray) -> float:
    """Return the largest absolute amount."""
    return max(float(value.max()), -float(value.min())) if len(value) else 0.0
