"""Columns of a DataFrame as Arrow arrays. A column of Python objects may hold values of several kinds."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.core.errors import SchemaChanged
from ml_platform.declarations.source import SourceSpec

if TYPE_CHECKING:
    import pandas as pd

_REMEDY = "Repair the function."


def arrow_column(values: pd.Series[Any], spec: SourceSpec, where: str, name: str) -> pa.Array:
    """Return a column as Arrow reads it.

    Raises
    ------
    SchemaChanged
        Where Arrow has no such type, or cannot hold a value: with the column and the row (1 is the first one).
    """
    try:
        array = _array(values)
    except MemoryError:
        raise
    except Exception as error:  # Arrow's errors, and OverflowError, UnicodeEncodeError, ... of Python's values
        row = _first_bad(values)
        shown = f"row {row + 1}, {_shown(values.iloc[row])}, " if row is not None else ""
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200].rstrip('.')}"
        problem = f"column {name}: {shown}cannot be read ({reason})"
        raise SchemaChanged(spec.name, where, problem, _REMEDY, column=name) from None
    if values.dtype == object:
        _require_one_kind(values, array.type, spec, where, name)
    return array


def _array(values: pd.Series[Any]) -> pa.Array:
    return pa.Array.from_pandas(values)


def _first_bad(values: pd.Series[Any]) -> int | None:
    """Return the last row of the shortest beginning that cannot be read, found by halving; None for an empty column."""
    good, bad = 0, len(values)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            _array(values.iloc[:middle])
            good = middle
        except Exception:
            bad = middle
    return bad - 1 if bad else None


def _shown(value: object) -> str:
    return ascii(value)[:60]


def _require_one_kind(values: pd.Series[Any], kind: pa.DataType, spec: SourceSpec, where: str, name: str) -> None:
    """Raise where Arrow would take times with and without a zone, or dates and times, for the same."""
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return
    present = [(row, value) for row, value in enumerate(values) if value == value and value is not None]
    kinds = [_time_kind(value) for _, value in present]
    odd = next((place for place, other in enumerate(kinds) if other != kinds[0]), None)
    if odd is not None:
        row, value = present[odd]
        problem = f"column {name}: row {row + 1}, {_shown(value)}, is {kinds[odd]}, and rows before it are {kinds[0]}"
        raise SchemaChanged(spec.name, where, problem, "Give all of them as one kind.", column=name)


def _time_kind(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return "a date"
    return "a time with a zone" if getattr(value, "tzinfo", None) is not None else "a time without a zone"
