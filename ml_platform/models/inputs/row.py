"""One row of plain Python values, in the form that `read_columns` and `encode` give rows of a frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import PredictionError
from ml_platform.core.expressions.row_backend import RowValue, column_value
from ml_platform.declarations.source import ColumnType
from ml_platform.models.inputs.columns import InputColumn, read_column
from ml_platform.models.inputs.matrix import Matrix, MatrixColumn

_INT64 = 2**63
_DTYPES: Mapping[ColumnType, str] = {
    "float": "float64",
    "int": "Int64",
    "bool": "boolean",
    "string": "object",
    "timestamp": "datetime64[us, UTC]",
}


@dataclass(frozen=True)
class RowColumns:
    """The columns of a row.

    Attributes
    ----------
    types
        Every named column: those that rows must have, and those that transforms add.
    matrix
        What the estimator sees.
    """

    types: Mapping[str, ColumnType]
    matrix: tuple[MatrixColumn, ...]

    def value(self, name: str) -> RowValue:
        """Return a named column for expressions over a row's cells."""
        return column_value(list(self.types).index(name), self.types[name])


class Row(Matrix):
    """One row of the matrix, whose array and frame are made only for an estimator that reads them.

    Attributes
    ----------
    numbers
        The row of the matrix: numbers, null is NaN.
    cells
        Every named column before encoding, in order: floats (NaN is null), ints, bools, texts, datetimes in UTC; None
        is null.
    """

    def __init__(self, of: RowColumns, numbers: list[float], cells: Sequence[Any]) -> None:
        mine = self.__dict__
        mine["of"], mine["numbers"], mine["cells"] = of, numbers, cells

    of: RowColumns
    numbers: list[float]
    cells: Sequence[Any]

    @property
    def columns(self) -> tuple[MatrixColumn, ...]:
        """What the numbers are, in order."""
        return self.of.matrix

    @cached_property
    def values(self) -> np.ndarray:
        """The row as an array."""
        return np.array([self.numbers], dtype="float64")

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every named column before encoding, as a frame of one row."""
        return frame_of(dict(zip(self.of.types, self.cells, strict=True)), self.of.types)


def frame_of(named: Mapping[str, Any], types: Mapping[str, ColumnType]) -> pd.DataFrame:
    """Return a row as a frame, in the form of `read_columns`."""
    return pd.DataFrame({name: pd.Series([named[name]], dtype=_DTYPES[kind]) for name, kind in types.items()})


def columns_of(frame: pd.DataFrame) -> list[InputColumn]:
    """Return the columns of a frame that is in the form of `read_columns`, with their types."""
    kinds: dict[str, ColumnType] = {dtype: kind for kind, dtype in _DTYPES.items()}
    return [InputColumn(str(name), kinds[str(frame[name].dtype)]) for name in frame.columns]


def row_of(frame: pd.DataFrame, place: int, columns: Sequence[InputColumn]) -> dict[str, Any]:
    """Return the plain values of a row of a frame that is in the form of `read_columns`."""
    return {column.name: _plain(frame[column.name].iloc[place], column.type) for column in columns}


def rows_of(frame: pd.DataFrame, places: list[int], columns: Sequence[InputColumn]) -> Iterator[dict[str, Any]]:
    """Yield the plain values of many rows as `row_of` gives those of one, reading each column once."""
    names = [column.name for column in columns]
    cells = [[_plain(value, column.type) for value in frame[column.name].iloc[places]] for column in columns]
    return (dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True))


def _plain(value: Any, kind: ColumnType) -> Any:
    if kind == "float":
        return float(value)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if kind == "timestamp":
        return value.to_pydatetime()
    return value if kind == "string" else {"int": int, "bool": bool}[kind](value)


def value_reader(column: InputColumn) -> Callable[[Any], Any]:
    """Return what reads one plain value of a column as `read_column` does; it raises `PredictionError`."""

    def other(value: Any) -> Any:
        if isinstance(value, np.bool_ | np.integer | np.float64 | np.float32 | np.float16):
            return read(value.item())
        if value is pd.NaT and column.type == "timestamp":
            return None
        try:
            series = pd.Series([value])
        except (OverflowError, ValueError):
            raise PredictionError(
                f"column {column.name} must be {column.type}, found {_short(value)}. Convert it before predicting."
            ) from None
        return _plain(read_column(series, column).iloc[0], column.type)

    read = _READERS[column.type](other)
    return read


def _short(value: Any) -> str:
    """Return what a value is: a number may have a million digits."""
    return "a number that is too large" if isinstance(value, int) else f"a {type(value).__name__}"


def _float_reader(other: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is float:
            return value if math.isfinite(value) else math.nan
        if value is None:
            return math.nan
        if type(value) is int and -_INT64 <= value < _INT64:
            return float(value)
        return other(value)

    return read


def _int_reader(other: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is None or (type(value) is int and -_INT64 <= value < _INT64):
            return value
        return other(value)

    return read


def _reader_of(kind: type) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    def reader(other: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: value if value is None or type(value) is kind else other(value)

    return reader


def _timestamp_reader(other: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is None or (type(value) is datetime and value.tzinfo is UTC):
            return value
        return other(value)

    return read


_READERS: Mapping[ColumnType, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "float": _float_reader,
    "int": _int_reader,
    "bool": _reader_of(bool),
    "string": _reader_of(str),
    "timestamp": _timestamp_reader,
}


def encoder(column: MatrixColumn, kind: ColumnType) -> Callable[[Any], float] | None:
    """Return what encodes one value as `MatrixColumn.encode` does, but without a fill: a null is NaN.

    None for a float, which is its own code.
    """
    if column.categories is None:
        return None if kind == "float" else lambda value: math.nan if value is None else float(value)
    codes = {category: float(code) for code, category in enumerate(column.categories)}
    return lambda value: codes.get(value, math.nan)
