"""Sums over clusters of rows, and the shape of what single rows earn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-9


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
    off = [part - mean for part in parts]
    squares = [part * part for part in off]
    second = sum(float(part.sum()) for part in squares) / count
    if math.sqrt(second) <= _ROUNDING * scale:
        return Shape(count, 0.0, 0.0, 0.0)
    # Not products by BLAS: their last bits depend on the number of threads, and waiting threads take most of the time.
    third = sum(float((part * square).sum()) for part, square in zip(off, squares, strict=True)) / count
    fourth = sum(float((square * square).sum()) for square in squares) / count
    return Shape(count, second, third, fourth)
