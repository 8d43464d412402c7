"""Which columns of a file are times, and how they are written."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

from ml_platform.declarations.dirty_rows import DEFAULT_LIMIT
from ml_platform.sources.formatted_times import times_of_format

if TYPE_CHECKING:
    import pyarrow as pa

_DAYS = ("%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%b %d %Y", "%d %b %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = tuple(f"{day}{clock}" for clock in _CLOCKS for day in _DAYS)
"""Ways to write times, beside ISO 8601."""


def with_times(rows: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Return the rows with texts that are times as times, and the formats of the columns that were texts."""
    import pyarrow as pa

    formats = dict[str, str]()
    for place, name in enumerate(rows.column_names):
        column = rows.column(name)
        if pa.types.is_date(column.type):
            rows = rows.set_column(place, name, column.cast(pa.timestamp("s")))
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            continue
        if len(fitting := formats_of(column)) == 1:
            [formats[name]] = fitting
            rows = rows.set_column(place, name, times_of_format(column, formats[name])[0])
        elif not fitting and (times := _iso_times(column)) is not None:
            rows = rows.set_column(place, name, times)
    return rows, formats


def _iso_times(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return texts as times where each is a time of ISO 8601, all of them with an offset or all without."""
    import pyarrow as pa

    if column.null_count == len(column):
        return None
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def formats_of(column: pa.ChunkedArray) -> list[str]:
    """Return the formats in which every text is a time: two where each could be day/month or month/day.

    >>> import pyarrow as pa
    >>> formats_of(pa.chunked_array([["31/05/2024", "01/06/2024"]])), formats_of(pa.chunked_array([["01/06/2024"]]))
    (['%d/%m/%Y'], ['%d/%m/%Y', '%m/%d/%Y'])
    """
    return [form for form in _likely(column) if _first_bad(column, form) is None]


def time_problem(rows: pa.Table, name: str) -> str | None:
    """Return why a column cannot have the times of the rows; None where it can. A few rows may have none."""
    import pyarrow as pa

    column = rows.column(name)
    if pa.types.is_timestamp(column.type):
        too_many = column.null_count > ceil(DEFAULT_LIMIT * len(column))
        return f"column {name} is empty in {column.null_count} of {len(column)} rows" if too_many else None
    if not pa.types.is_string(column.type) or column.null_count == len(column):
        return f"column {name} has no times"
    if fitting := formats_of(column):
        return f"column {name} can be of the format {' and of '.join(fitting)}"
    first = next(text.as_py() for text in column if text.is_valid)
    row = max((_first_bad(column, form) or 0 for form in _likely(column)), default=_first_no_iso(column))
    if row is None:
        return f"column {name} has times of different formats"
    other = f", and {column[row].as_py()!r} in row {row + 1}" if column[row].as_py() != first else ""
    return f"column {name} has {first!r}{other}"


def looks_like_times(rows: pa.Table, name: str) -> bool:
    """Return whether the first value of a column is a time."""
    import pyarrow as pa

    column = rows.column(name)
    if not pa.types.is_string(column.type) or column.null_count == len(column):
        return bool(pa.types.is_timestamp(column.type))
    return bool(_likely(column)) or _first_no_iso(column) != 0


def _likely(column: pa.ChunkedArray) -> list[str]:
    """Return the formats of the first text."""
    first = next((str(text) for text in column if text.is_valid), "")
    return [form for form in _FORMATS if _is_time(first, form)]


def _is_time(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _first_bad(column: pa.ChunkedArray, form: str) -> int | None:
    """Return the first row whose text is not of the format."""
    import pyarrow.compute as pc

    bad = pc.index(times_of_format(column, form)[1], True).as_py()
    return None if bad < 0 else int(bad)


def _first_no_iso(column: pa.ChunkedArray) -> int | None:
    """Return the first row whose text is no time of ISO 8601."""
    for row, text in enumerate(column.to_pylist()):
        try:
            datetime.fromisoformat(text or "2024-01-01")
        except ValueError:
            return row
    return None
