"""What scikit-learn's estimators see: no nulls, numbers on one scale, categories as indicator columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_platform.core.statistics.moments import center_and_scale
from ml_platform.models.inputs.matrix import Matrix

_MAX_LEVELS = 50
_FARTHEST = 1e30
"""No value is more deviations than this from the mean: scikit-learn's trees add up numbers of 32 bits."""


@dataclass(frozen=True)
class DenseColumn:
    """One column that an estimator sees.

    Attributes
    ----------
    source
        Index of the matrix column it is made from.
    level
        The category's code that it indicates; None for a number.
    fill, center, scale
        For a number: its median replaces null; then it is centered and scaled. A constant is not scaled.
    """

    source: int
    level: int | None = None
    fill: float = 0.0
    center: float = 0.0
    scale: float = 1.0

    def values(self, matrix: np.ndarray) -> np.ndarray:
        """Return the column for every row of a matrix."""
        column = matrix[:, self.source]
        if self.level is not None:
            return np.asarray(column == self.level, dtype="float64")
        filled = np.where(np.isnan(column), self.fill, column)
        with np.errstate(over="ignore"):
            return np.asarray(np.clip((filled - self.center) / self.scale, -_FARTHEST, _FARTHEST))

    def value(self, row: Sequence[float]) -> float:
        """Return the column for one row, with the bits of `values`."""
        number = row[self.source]
        if self.level is not None:
            return float(number == self.level)
        scaled = ((self.fill if number != number else number) - self.center) / self.scale
        return min(max(scaled, -_FARTHEST), _FARTHEST)


@dataclass(frozen=True)
class Dense:
    """The learnt way from a matrix to what an estimator sees."""

    columns: tuple[DenseColumn, ...]

    @classmethod
    def learn(cls, matrix: Matrix, *, keep_nulls: bool = False) -> Dense:
        """Learn medians, means, deviations and the 50 most frequent levels of each category.

        Parameters
        ----------
        keep_nulls
            Leave nulls of numbers as NaN, for estimators that read them.
        """
        columns: list[DenseColumn] = []
        for index, column in enumerate(matrix.columns):
            values = matrix.values[:, index]
            if column.categories is not None:
                columns += [DenseColumn(index, level) for level in _frequent(values, len(column.categories))]
            else:
                columns.append(_scaled(index, values, keep_nulls))
        return cls(tuple(columns))

    def apply(self, matrix: Matrix) -> np.ndarray:
        """Return what the estimator sees, one row per row of the matrix."""
        dense = np.empty((matrix.rows, len(self.columns)))
        for index, column in enumerate(self.columns):
            dense[:, index] = column.values(matrix.values)
        return dense

    def apply_one(self, row: Sequence[float]) -> list[float]:
        """Return what the estimator sees of one row of a matrix."""
        return [column.value(row) for column in self.columns]

    def by_source(self, weights: np.ndarray, count: int) -> np.ndarray:
        """Return the weights of dense columns, added up for the matrix column that each was made from."""
        total = np.zeros(count)
        for column, weight in zip(self.columns, weights, strict=True):
            total[column.source] += weight
        return total

    def to_json(self) -> list[list[Any]]:
        """Return the columns as a manifest keeps them; NaN as null."""
        return [
            [item.source, item.level, None if np.isnan(item.fill) else item.fill, item.center, item.scale]
            for item in self.columns
        ]

    @classmethod
    def from_json(cls, facts: Any) -> Dense:
        """Return what a manifest keeps."""
        return cls(
            tuple(
                DenseColumn(source, level, np.nan if fill is None else fill, center, scale)
                for source, level, fill, center, scale in facts
            )
        )


def _frequent(codes: np.ndarray, count: int) -> list[int]:
    rows = np.bincount(codes[~np.isnan(codes)].astype(int), minlength=count)
    order = np.lexsort((np.arange(count), -rows))
    return sorted(order[:_MAX_LEVELS].tolist())


def _scaled(index: int, values: np.ndarray, keep_nulls: bool) -> DenseColumn:
    known = values[~np.isnan(values)]
    if not len(known):
        return DenseColumn(index, None, np.nan if keep_nulls else 0.0)
    fill = float(np.median(known))
    center, scale = center_and_scale(np.where(np.isnan(values), fill, values))
    return DenseColumn(index, None, np.nan if keep_nulls else fill, center, scale)


def linear_score(dense: np.ndarray, weights: np.ndarray, intercept: float) -> np.ndarray:
    """Return ``dense @ weights + intercept``, added up in one fixed order for every row.

    A matrix product adds in an order that depends on how many rows there are, so the last bits of a row alone
    differ from the same row among others.
    """
    total = np.full(dense.shape[0], intercept)
    for index, weight in enumerate(weights):
        total = total + dense[:, index] * weight
    return total


def softmax_in_order(raw: np.ndarray) -> np.ndarray:
    """Return the share of each class from raw scores, one column per class, added up from the first to the last.

    NumPy adds eight or more columns of an array in an order that depends on how many rows there are.
    """
    powers = np.exp(raw - raw.max(axis=1)[:, None])
    total = np.zeros(len(powers))
    for index in range(powers.shape[1]):
        total = total + powers[:, index]
    return np.asarray(powers / total[:, None])
