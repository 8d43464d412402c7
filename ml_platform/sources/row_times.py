"""The times that every row needs: its event timestamp, and when it became known."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, format_duration, to_micros
from ml_platform.core.errors import SourceError
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.bad_cells import BadCells
from ml_platform.sources.column_faults import ColumnFaults
from ml_platform.sources.conform import FIRST, LAST


def known_micros(spec: SourceSpec, table: pa.Table) -> pa.ChunkedArray:
    """Return when rows become known. What a delay moves beyond the last instant that exists waits until that."""
    if spec.known_at.column is not None:
        return table[spec.known_at.column].cast(pa.int64())
    delay = pa.scalar((spec.known_at.delay or 0 * MICROSECOND) // MICROSECOND, pa.int64())
    known = pc.add(table[spec.event_timestamp].cast(pa.int64()), delay)
    return pc.if_else(pc.is_valid(known), pc.min_element_wise(known, pa.scalar(to_micros(LAST), pa.int64())), known)


def require_times(
    table: pa.Table,
    raw: pa.Table,
    spec: SourceSpec,
    where: str,
    rows: tuple[int, Sequence[int]],
    bad: BadCells | None,
) -> None:
    """Refuse rows without a key, an event timestamp, a known-at timestamp or a cursor, or known before there are years.

    Parameters
    ----------
    table, raw
        Rows as they are declared, and as they were read.
    rows, bad
        As in `ColumnFaults`.

    Raises
    ------
    SourceError
    """
    needed = (*spec.key, spec.event_timestamp, spec.known_at.column, spec.reader.cursor)
    for name in dict.fromkeys(name for name in needed if name):
        remedy = "Every row needs its key, its event timestamp and its known-at timestamp."
        if name == spec.reader.cursor:
            remedy = "Every row needs its cursor: leave such rows out in the query, or read without a cursor."
        _faults(spec, name, where, rows, bad, raw).refuse_null(table[name], "null", remedy)
    early = pc.less(known_micros(spec, table), to_micros(FIRST))
    if pc.any(early).as_py():
        _refuse_early(table, raw, spec, where, rows, bad, early)


def _refuse_early(
    table: pa.Table,
    raw: pa.Table,
    spec: SourceSpec,
    where: str,
    rows: tuple[int, Sequence[int]],
    bad: BadCells | None,
    early: pa.ChunkedArray,
) -> None:
    delay = format_duration(spec.known_at.delay or 0 * MICROSECOND)
    if bad is not None and bad.accepts(spec.event_timestamp):
        what = f"an event timestamp with a delay of {delay} that is known before the year 1"
        faults = _faults(spec, spec.event_timestamp, where, rows, bad, raw)
        faults.refuse(early, "impossible_time", what)
        return
    row = pc.index(early, True).as_py()
    event = table[spec.event_timestamp][row].as_py().isoformat()
    problem = f"event timestamp {event} with a delay of {delay} is known before the year 1"
    place = f"{where}: row {rows[0] + rows[1][row] + 1}"
    raise SourceError(spec.name, place, problem, "Correct the data, or known_at.")


def _faults(
    spec: SourceSpec, name: str, where: str, rows: tuple[int, Sequence[int]], bad: BadCells | None, raw: pa.Table
) -> ColumnFaults:
    faults = ColumnFaults(spec, name, where, rows, bad if bad is not None and bad.accepts(name) else None)
    faults.read = raw[name]
    return faults
