"""The model matrix: numbers as they are, categories as codes that the platform keeps itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class MatrixColumn:
    """One column of the matrix.

    Attributes
    ----------
    categories
        For a string column, the values seen in training, sorted; None for a number.
    had_nulls
        Whether training saw a null. Where it saw none, no estimator has learned what a null means.
    fill
        What a null of a number then counts as: the median of training, a value that occurs there.
    """

    name: str
    categories: tuple[str, ...] | None = None
    had_nulls: bool = True
    fill: float | None = None

    def encode(self, values: pd.Series) -> np.ndarray:
        """Return the column as float64: a number, or the index of its category.

        A null that training knew is NaN, and one that it did not know is `fill`; a category that training did not
        have is NaN, whether it is a text or null: none of the known ones.
        """
        if self.categories is None:
            numbers = values.to_numpy(dtype="float64", na_value=np.nan)
            return numbers if self.fill is None else np.where(np.isnan(numbers), self.fill, numbers)
        codes = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(values, dtype=object))
        return np.where(codes < 0, np.nan, codes.astype("float64"))

    def to_json(self) -> dict[str, Any]:
        """Return the column as a manifest keeps it."""
        categories = None if self.categories is None else list(self.categories)
        return {"name": self.name, "categories": categories, "had_nulls": self.had_nulls, "fill": self.fill}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> MatrixColumn:
        """Return the column that a manifest keeps."""
        categories = None if facts["categories"] is None else tuple(facts["categories"])
        return cls(facts["name"], categories, facts["had_nulls"], facts["fill"])


@dataclass(frozen=True)
class Matrix:
    """What an estimator sees.

    Attributes
    ----------
    columns
        What the columns of `values` are, in order.
    values
        One row per row of the frame, float64.
    frame
        Every named column before encoding, for estimators that read columns by name.
    """

    columns: tuple[MatrixColumn, ...]
    values: np.ndarray
    frame: pd.DataFrame

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.values.shape[0])

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [column.name for column in self.columns]

    def decoded(self) -> pd.DataFrame:
        """Return the matrix as a frame: numbers, and strings where a category was seen in training, else None."""
        return pd.DataFrame(
            {column.name: _decode(column, self.values[:, index]) for index, column in enumerate(self.columns)},
            index=self.frame.index,
        )


def learn_columns(frame: pd.DataFrame, names: Sequence[str]) -> tuple[MatrixColumn, ...]:
    """Return the matrix columns of a training frame; strings keep the sorted values that they had."""
    return tuple(_learned(name, frame[name]) for name in names)


def _learned(name: str, values: pd.Series) -> MatrixColumn:
    categories, had_nulls = _categories(values), bool(values.isna().any())
    if categories is not None or had_nulls or not len(values):
        return MatrixColumn(name, categories, had_nulls)
    numbers = np.sort(values.to_numpy(dtype="float64"))
    return MatrixColumn(name, None, had_nulls, float(numbers[(len(numbers) - 1) // 2]))


def unlearned_nulls(frame: pd.DataFrame, columns: Sequence[MatrixColumn]) -> pd.Series:
    """Return for each row the columns that are null where training had no null, joined by commas; None for none."""
    names: list[list[str]] = [[] for _ in range(len(frame))]
    for column in columns:
        if not column.had_nulls:
            for place in np.flatnonzero(frame[column.name].isna().to_numpy()):
                names[place].append(column.name)
    return pd.Series([", ".join(missing) or None for missing in names], index=frame.index, dtype=object)


def encode(frame: pd.DataFrame, columns: Sequence[MatrixColumn]) -> Matrix:
    """Return the matrix of a frame whose columns are in the predictor's form."""
    values = np.empty((len(frame), len(columns)))
    for index, column in enumerate(columns):
        values[:, index] = column.encode(frame[column.name])
    return Matrix(tuple(columns), values, frame)


def _categories(series: pd.Series) -> tuple[str, ...] | None:
    if series.dtype != object:
        return None
    return tuple(sorted(series.dropna().unique()))


def _decode(column: MatrixColumn, values: np.ndarray) -> np.ndarray:
    if column.categories is None:
        return values
    known = np.array([*column.categories, None], dtype=object)
    decoded: np.ndarray = known[np.where(np.isnan(values), len(column.categories), values).astype(int)]
    return decoded
