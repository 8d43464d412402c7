"""Input columns: found by name, checked by type, brought to one form.

Whatever made a frame (Parquet, CSV, a dictionary of one row), a predictor sees the same values: finite float64
with NaN, Int64 and boolean with NA, strings as objects with None, timestamps as UTC microseconds with NaT.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import PredictionError, listed, suggest
from ml_platform.declarations.source import ColumnType

_NUMBERS = {"floating", "integer", "boolean", "decimal", "mixed-integer-float", "empty"}
_INT64 = 2.0**63
_TEXTS = {"string", "empty"}
_AS_THEY_ARE: dict[tuple[str, str], Any] = {("i", "int"): "Int64", ("b", "bool"): "boolean", ("i", "float"): "float64"}


@dataclass(frozen=True)
class InputColumn:
    """One column that rows must have, by name and type."""

    name: str
    type: ColumnType


def read_columns(frame: pd.DataFrame, inputs: Sequence[InputColumn]) -> pd.DataFrame:
    """Return the input columns of `frame`, in declared order and in one form; other columns are left out.

    Raises
    ------
    PredictionError
        When columns are missing, there twice, or of another type.
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise PredictionError(f"the rows have column {twice[0]} twice. Give each column once.")
    missing = [column.name for column in inputs if column.name not in frame.columns]
    if missing:
        raise PredictionError(_missing(missing, map(str, frame.columns)))
    return pd.DataFrame({column.name: read_column(frame[column.name], column) for column in inputs}, index=frame.index)


def read_column(series: pd.Series, column: InputColumn) -> pd.Series:
    """Return one column in the form that its type has inside a predictor.

    Raises
    ------
    PredictionError
        When the values are of another type.
    """
    if column.type == "string":
        return _text(series, column)
    if column.type == "timestamp":
        return _timestamp(series, column)
    return _number(series, column)


def column_type(series: pd.Series) -> ColumnType | None:
    """Return which type the values of `series` have, or None where they have none of ours."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return "timestamp"
    if pd.api.types.is_bool_dtype(series.dtype):
        return "bool"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return "float"
    kind = pd.api.types.infer_dtype(series, skipna=True)
    return "float" if kind in _NUMBERS else "string" if kind in _TEXTS else None


def _missing(missing: Sequence[str], present: Iterable[str]) -> str:
    hint = suggest(missing[0], present)
    noun = "column" if len(missing) == 1 else f"{len(missing)} columns"
    return f"the rows lack {noun} {listed(missing)}. {hint} Columns are matched by name, never by position."


def _wrong(column: InputColumn, actual: str) -> PredictionError:
    return PredictionError(f"column {column.name} must be {column.type}, found {actual}. Convert it before predicting.")


def _number(series: pd.Series, column: InputColumn) -> pd.Series:
    if (series.dtype.kind, column.type) in _AS_THEY_ARE:
        unchanged: pd.Series = series.astype(_AS_THEY_ARE[series.dtype.kind, column.type])
        return unchanged
    if isinstance(series.dtype, pd.CategoricalDtype) or pd.api.types.is_object_dtype(series.dtype):
        series = series.astype(object)
        kind = pd.api.types.infer_dtype(series, skipna=True)
        if kind not in _NUMBERS:
            raise _wrong(column, kind)
        series = series.where(series.notna(), np.nan)
    elif series.dtype.kind == "c" or not (
        pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)
    ):
        raise _wrong(column, str(series.dtype))
    values = pd.Series(series.to_numpy(dtype="float64", na_value=np.nan), index=series.index)
    if column.type == "float":
        return values.where(np.isfinite(values), np.nan) if np.isinf(values).any() else values
    whole = values.dropna()
    fits = whole.isin((0.0, 1.0)) if column.type == "bool" else (whole == np.floor(whole)) & (whole.abs() < _INT64)
    if not fits.all():
        raise _wrong(column, "other numbers")
    return values.astype("Int64").astype("boolean") if column.type == "bool" else values.astype("Int64")


def _text(series: pd.Series, column: InputColumn) -> pd.Series:
    values = series.astype(object)
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind not in _TEXTS:
        raise _wrong(column, kind)
    return values.where(values.notna(), None)


def _timestamp(series: pd.Series, column: InputColumn) -> pd.Series:
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) in {"datetime", "datetime64", "empty"}:
        _require_aware(series, column)
        series = series.astype("datetime64[us, UTC]")
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        raise _wrong(column, f"{series.dtype} without a time zone")
    return series.astype("datetime64[us, UTC]")


def _require_aware(series: pd.Series, column: InputColumn) -> None:
    if any(value.tzinfo is None for value in series.dropna()):
        raise _wrong(column, "a timestamp without a time zone")
