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
    """

    name: str
    categories: tuple[str, ...] | None = None

    def encode(self, values: pd.Series) -> np.ndarray:
        """Return the column as float64: a number, or the index of its category; NaN for null or unseen."""
        if self.categories is None:
            return values.to_numpy(dtype="float64", na_value=np.nan)
        codes = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(values, dtype=object))
        return np.where(codes < 0, np.nan, codes.astype("float64"))

    def to_json(self) -> dict[str, Any]:
        """Return the column as a manifest keeps it."""
        return {"name": self.name, "categories": None if self.categories is None else list(self.categories)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> MatrixColumn:
        """Return the column that a manifest keeps."""
        return cls(facts["name"], None if facts["categories"] is None else tuple(facts["categories"]))


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
    return tuple(MatrixColumn(name, _categories(frame[name])) for name in names)


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
