"""Rows of a request as Python has them: JSON has no instants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ml_platform.declarations.source import ColumnType
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.request_body import shown


class RowReader:
    """Reads the instants of rows; the look-up reports what else is wrong with a row.

    Parameters
    ----------
    columns
        The type of each column that a request may send.
    """

    def __init__(self, columns: Mapping[str, ColumnType]) -> None:
        self._instants = [name for name, kind in columns.items() if kind == "timestamp"]

    def read(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row with its instants, in UTC.

        Raises
        ------
        RequestProblem
        """
        instants = [name for name in self._instants if row.get(name) is not None]
        return {**row, **{name: _instant(name, row[name]) for name in instants}} if instants else row


def require_types(row: Mapping[str, Any], columns: Mapping[str, ColumnType]) -> Mapping[str, Any]:
    """Return a row whose values all have their column's type; none of them is null.

    Raises
    ------
    RequestProblem
    """
    for name, kind in columns.items():
        value = row[name]
        fits = type(value) in _TYPES[kind] and (kind != "int" or -(2**63) <= value < 2**63)
        if not fits or (kind == "string" and not _is_text(value)) or (kind == "float" and not _is_float(value)):
            text = f"column {name} must be {kind}, found {shown(value) if kind != 'timestamp' else value}. Correct it."
            raise RequestProblem.row("wrong_column", text)
    return {name: float(row[name]) if kind == "float" else row[name] for name, kind in columns.items()}


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _is_float(value: float) -> bool:
    try:
        float(value)
    except OverflowError:  # a whole number beyond the floats
        return False
    return True


_TYPES: Mapping[ColumnType, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "string": (str,),
    "timestamp": (datetime,),
}


def _instant(name: str, value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
        if instant is not None and instant.utcoffset() is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC, it may lie before the year 1 or after 9999
        pass
    text = (
        f"column {name} must be a time with its zone, such as 2024-03-01T12:00:00Z, found {shown(value)}. Correct it."
    )
    raise RequestProblem.row("wrong_column", text)
