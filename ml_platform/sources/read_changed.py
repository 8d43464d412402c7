"""What of a source has to be read now, and reading it, batch by batch, into a staged table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, from_micros, to_micros
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.conform import TYPES
from ml_platform.sources.deletions import deleting_rows
from ml_platform.sources.dirty_rows import DIRTY, HANDLED, NULLED, dirty_schema, separate
from ml_platform.sources.ingest_history import CURSOR, ReadState
from ml_platform.sources.read_rows import Reading, ReadPart
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.reading.reader import SourcePart, reader_of
from ml_platform.sources.row_times import known_micros
from ml_platform.sources.source_log import KNOWN
from ml_platform.sources.staging import Staging

READ, FRESH, PLACE, DELETES = "read_rows", "_fresh", "_place", "_deletes"


def unsettled(parts: Iterable[SourcePart], marks: Mapping[str, ReadState], now: datetime) -> list[SourcePart]:
    """Return the parts that have to be read: new or changed since, or with rows that have become known since."""
    return [part for part in parts if not _is_settled(part, marks.get(part.name), now)]


def _is_settled(part: SourcePart, mark: ReadState | None, now: datetime) -> bool:
    if part.fingerprint is None or mark is None or part.fingerprint != mark.fingerprint:
        return False
    return mark.next_known_at is None or mark.next_known_at > now


def read_parts(
    staging: Staging,
    spec: SourceSpec,
    parts: Iterable[SourcePart],
    marks: Mapping[str, ReadState],
    now: datetime,
    kept: Callable[[pa.Table], pa.Table] = lambda rows: rows,
    far_ahead: timedelta = timedelta(days=366),
) -> Reading:
    """Read parts into the staged table `READ`: declared columns, known-at in microseconds, newness, place.

    Of each row it also has whether it deletes the row with its key.

    Parameters
    ----------
    kept
        Returns the rows of a batch that may be kept.
    far_ahead
        Rows that become known later than this after `now` are counted apart.

    Raises
    ------
    SourceError
        Where a value is not as declared, or a row has no key, no event timestamp or no known-at.
    """
    nothing = pa.table({name: pa.array([], TYPES[column.type]) for name, column in spec.columns.items()})
    staging.append(READ, _timed(spec, nothing, np.empty(0, np.int64), fresh=False))
    staging.append(DIRTY, dirty_schema(spec).empty_table())
    first, states, read = 0, list[ReadState](), list[ReadPart]()
    for part in parts:
        limits = (to_micros(now), to_micros(now) + far_ahead // MICROSECOND)
        fresh = part.name not in marks or part.first_row > 0
        reader = _PartReader(staging, spec, part, limits, first, fresh=fresh, kept=kept)
        reader.read()
        read += [reader.part] if reader.part.read or part.first_row else []
        first += reader.part.read
        states += reader.marks(marks.get(part.name), marks.get(CURSOR))
    return Reading(tuple(states), tuple(read))


class _PartReader:
    """Reads one part, and keeps what is to be remembered of it."""

    def __init__(
        self,
        staging: Staging,
        spec: SourceSpec,
        part: SourcePart,
        limits: tuple[int, int],
        first: int,
        *,
        fresh: bool,
        kept: Callable[[pa.Table], pa.Table],
    ) -> None:
        self._staging, self._spec, self._part, (self._now, self._far) = staging, spec, part, limits
        self._first, self._fresh, self._kept = first, fresh, kept
        self._cursor = spec.reader.cursor
        self._read, self._rows, self._quarantined, self._nulled = 0, 0, 0, 0
        self._columns: tuple[str, ...] | None = None
        self._next_known: int | None = None
        self._last_known: int | None = None
        self._waiting, self._beyond = 0, 0
        self._largest: Any = None

    def read(self) -> None:
        """Read all batches."""
        for raw in self._part.tables():
            batch = raw if isinstance(raw, Batch) else Batch(raw)
            self._columns = None if batch.columns is None else tuple(batch.columns)
            separated = separate(batch, self._spec, self._part.name, self._part.first_row + self._read)
            self._remember_cursor(batch.table, separated.every)
            places = separated.places + (self._first + self._read)
            rows = self._kept(_timed(self._spec, separated.clean, places, fresh=self._fresh))
            self._staging.append(READ, rows)
            self._read += batch.rows
            self._rows += rows.num_rows
            if separated.dirty is not None:
                self._set_aside(self._kept(separated.dirty))
            self._remember_known(rows[KNOWN])

    @property
    def part(self) -> ReadPart:
        """What was read of the part."""
        counts = (self._first, self._read, self._rows, self._quarantined, self._nulled, self._part.first_row)
        return ReadPart(self._part.name, *counts, self._columns)

    def _set_aside(self, dirty: pa.Table) -> None:
        self._staging.append(DIRTY, dirty)
        nulled = pc.sum(pc.equal(dirty[HANDLED], NULLED)).as_py() or 0
        self._nulled += nulled
        self._quarantined += dirty.num_rows - nulled

    def marks(self, before: ReadState | None, cursor: ReadState | None) -> list[ReadState]:
        """Return what to remember. While rows wait to be known, the cursor stays before them."""
        waits = None if self._next_known is None else from_micros(self._next_known)
        rows = self._part.first_row + self._read
        about = ReadState(
            self._part.name,
            self._part.mark,
            waits,
            rows=rows,
            most_rows=rows,
            waiting=self._waiting,
            waiting_until=None if self._last_known is None else from_micros(self._last_known),
            far=self._beyond,
        )
        states = [about]
        if self._cursor is not None:
            known = self._largest is not None and waits is None
            beyond = reader_of(self._spec).cursor_text(self._largest) if known else None
            states.append(ReadState(CURSOR, beyond or (cursor.mark if cursor else None), waits))
        return states

    def _remember_known(self, known: pa.ChunkedArray) -> None:
        if known.length() and pc.max(known).as_py() > self._now:
            self._remember_waiting(known.filter(pc.greater(known, self._now)))

    def _remember_cursor(self, raw: pa.Table, table: pa.Table) -> None:
        """Keep the cursor's largest value: of times as the server compares them, of numbers as integers."""
        if self._cursor is not None:
            is_time = self._spec.columns[self._cursor].type == "timestamp"
            values = (raw if is_time else table)[self._cursor]
            candidates = [value for value in (self._largest, pc.max(values)) if value is not None]
            self._largest = max(
                (value for value in candidates if value.is_valid), key=lambda v: v.as_py(), default=None
            )

    def _remember_waiting(self, known: pa.ChunkedArray) -> None:
        ends = pc.min_max(known).as_py()
        self._next_known = min(ends["min"], self._next_known or ends["min"])
        self._last_known = max(ends["max"], self._last_known or ends["max"])
        self._waiting += len(known)
        self._beyond += pc.sum(pc.greater(known, self._far)).as_py() or 0


def _timed(spec: SourceSpec, table: pa.Table, places: npt.NDArray[np.int64], *, fresh: bool) -> pa.Table:
    """Add known-at, newness and place, and whether a row deletes another."""
    table = table.append_column(KNOWN, known_micros(spec, table))
    table = table.append_column(DELETES, deleting_rows(spec, table))
    table = table.append_column(FRESH, pa.repeat(pa.scalar(fresh), table.num_rows))
    return table.append_column(PLACE, pa.array(places))
