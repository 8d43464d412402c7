"""Comparing columns bit by bit: NaN and null are one, 0.0 and -0.0 are two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ml_platform.declarations.source import ColumnType


def differing(
    served: pd.DataFrame, recomputed: pd.DataFrame, columns: Mapping[str, ColumnType]
) -> dict[str, np.ndarray]:
    """Return for each column which rows differ; the rows of both frames are in the same order."""
    return {name: _differ(served[name], recomputed[name], kind) for name, kind in columns.items()}


def _differ(one: pd.Series, other: pd.Series, kind: ColumnType) -> np.ndarray:
    (values, nulls), (others, other_nulls) = _plain(one, kind), _plain(other, kind)
    differs: np.ndarray = (nulls != other_nulls) | (~nulls & (values != others))
    return differs


def _plain(series: pd.Series, kind: ColumnType) -> tuple[np.ndarray, np.ndarray]:
    """Return values that are equal where their bits are, and which are null."""
    if kind == "float":
        numbers = np.ascontiguousarray(series.to_numpy(dtype="float64", na_value=np.nan))
        return numbers.view(np.int64), np.isnan(numbers)
    nulls = series.isna().to_numpy()
    if kind == "string":
        return np.where(nulls, "", series.astype(object).to_numpy()), nulls
    if kind == "timestamp":
        return series.astype("datetime64[us, UTC]").to_numpy("datetime64[us]").view(np.int64), nulls
    return series.astype("Int64").to_numpy(np.int64, na_value=0), nulls
