"""What of a source has to be read now, and reading it, batch by batch, into a staged table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, format_duration, from_micros, to_micros
from ml_platform.core.errors import SourceError
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.conform import FIRST, LAST, TYPES, conform
from ml_platform.sources.deletions import deleting_rows
from ml_platform.sources.ingest_history import CURSOR, ReadState
from ml_platform.sources.reading.reader import SourcePart, reader_of
from ml_platform.sources.source_log import KNOWN
from ml_platform.sources.staging import Staging

READ, FRESH, PLACE, DELETES = "read_rows", "_fresh", "_place", "_deletes"


@dataclass(frozen=True)
class Reading:
    """What was read into the staged table `READ`.

    Attributes
    ----------
    rows
        How many rows.
    marks
        What to remember of each part.
    parts
        Name of each part, the number of its first row, and whether all of its rows were kept.
    """

    rows: int
    marks: tuple[ReadState, ...]
    parts: tuple[tuple[str, int, bool], ...] = ()

    def place(self, number: int) -> str:
        """Return the part that a row was read from, and the row in it (1 is the first)."""
        name, first, whole = next(part for part in reversed(self.parts) if part[1] <= number)
        return f"{name}: row {number - first + 1}" if whole else name

    @property
    def starts(self) -> tuple[int, ...]:
        """The number of each part's first row."""
        return tuple(first for _, first, _ in self.parts)

    def marks_beside(self, before: Mapping[str, ReadState], seen: Sequence[int], moved: int) -> tuple[ReadState, ...]:
        """Return the marks, with how many different rows each file has had so far.

        A row is new to its file where the log does not have its key and it did not wait to be known before. Rows that
        moved from one file to another are not lost.

        Parameters
        ----------
        before
            The marks of the last ingest.
        seen
            How many rows of each part have a key that the log has; none where they were not counted.
        moved
            How many rows of the log are, as they were, in parts that were not read before.
        """
        if not seen:
            return self.marks
        ends = (*self.starts[1:], self.rows)
        counted = zip(self.parts, ends, seen, strict=True)
        unseen = {name: end - first - count for (name, first, _), end, count in counted}
        marks = list[ReadState]()
        for mark in self.marks:
            last = before.get(mark.name)
            if last is not None:
                most = last.most_rows + max(0, unseen.get(mark.name, 0) - last.waiting)
                elsewhere = min(moved, max(0, most - mark.rows))
                moved -= elsewhere
                mark = replace(mark, most_rows=max(mark.rows, most - elsewhere))
            marks.append(mark)
        return tuple(marks)


def unsettled(parts: Iterable[SourcePart], marks: Mapping[str, ReadState], now: datetime) -> list[SourcePart]:
    """Return the parts that have to be read: new or changed since, or with rows that have become known since."""
    return [part for part in parts if not _is_settled(part, marks.get(part.name), now)]


def _is_settled(part: SourcePart, mark: ReadState | None, now: datetime) -> bool:
    if part.fingerprint is None or mark is None or part.fingerprint != mark.mark:
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
    staging.append(READ, _timed(spec, nothing, 0, fresh=False))
    rows, found, read = 0, list[ReadState](), list[tuple[str, int, bool]]()
    for part in parts:
        limits = (to_micros(now), to_micros(now) + far_ahead // MICROSECOND)
        reader = _PartReader(staging, spec, part, limits, rows, fresh=part.name not in marks, kept=kept)
        reader.read()
        read += [(part.name, rows, reader.kept_all)] if reader.rows else []
        rows += reader.rows
        found += reader.marks(marks.get(part.name), marks.get(CURSOR))
    return Reading(rows, tuple(found), tuple(read))


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
        self.rows = 0
        self._next_known: int | None = None
        self._last_known: int | None = None
        self._read, self._waiting, self._beyond = 0, 0, 0
        self._largest: Any = None

    def read(self) -> None:
        """Read all batches."""
        for raw in self._part.tables():
            table = conform(raw, self._spec, self._part.name, self.rows)
            self._require_times(table)
            self._remember_cursor(raw, table)
            table = self._kept(table)
            timed = _timed(self._spec, table, self._first + self.rows, fresh=self._fresh)
            self._require_known(timed)
            self._staging.append(READ, timed)
            self._remember(raw, timed[KNOWN])
            self.rows += table.num_rows

    @property
    def kept_all(self) -> bool:
        """Whether no row was left out."""
        return self._read == self.rows

    def marks(self, before: ReadState | None, cursor: ReadState | None) -> list[ReadState]:
        """Return what to remember. While rows wait to be known, the cursor stays before them."""
        waits = None if self._next_known is None else from_micros(self._next_known)
        about = ReadState(
            self._part.name,
            self._part.fingerprint,
            waits,
            rows=self._read,
            most_rows=max(self._read, before.most_rows if before and self._spec.reports_lost_rows else 0),
            waiting=self._waiting,
            waiting_until=None if self._last_known is None else from_micros(self._last_known),
            far=self._beyond,
        )
        found = [about]
        if self._cursor is not None:
            known = self._largest is not None and waits is None
            beyond = reader_of(self._spec).cursor_text(self._largest) if known else None
            found.append(ReadState(CURSOR, beyond or (cursor.mark if cursor else None), waits))
        return found

    def _remember(self, raw: pa.Table, known: pa.ChunkedArray) -> None:
        self._read += raw.num_rows
        if known.length() and pc.max(known).as_py() > self._now:
            self._remember_waiting(known.filter(pc.greater(known, self._now)))

    def _remember_cursor(self, raw: pa.Table, table: pa.Table) -> None:
        """Keep the cursor's largest value: of times as the server compares them, of numbers as integers."""
        if self._cursor is not None:
            is_time = self._spec.columns[self._cursor].type == "timestamp"
            values = (raw if is_time else table)[self._cursor]
            found = [value for value in (self._largest, pc.max(values)) if value is not None]
            self._largest = max((value for value in found if value.is_valid), key=lambda v: v.as_py(), default=None)

    def _remember_waiting(self, known: pa.ChunkedArray) -> None:
        ends = pc.min_max(known).as_py()
        self._next_known = min(ends["min"], self._next_known or ends["min"])
        self._last_known = max(ends["max"], self._last_known or ends["max"])
        self._waiting += len(known)
        self._beyond += pc.sum(pc.greater(known, self._far)).as_py() or 0

    def _require_times(self, table: pa.Table) -> None:
        spec = self._spec
        needed = (*spec.key, spec.event_timestamp, spec.known_at.column, self._cursor)
        for name in dict.fromkeys(name for name in needed if name):
            row = pc.index(pc.is_null(table[name]), True).as_py() if table[name].null_count else -1
            if row >= 0:
                where = f"{self._part.name}: row {self.rows + row + 1}"
                remedy = "Every row needs its key, its event timestamp and its known-at timestamp."
                if name == self._cursor:
                    remedy = "Every row needs its cursor: leave such rows out in the query, or read without a cursor."
                raise SourceError(spec.name, where, f"column {name} is null", remedy, column=name)

    def _require_known(self, timed: pa.Table) -> None:
        row = pc.index(pc.less(timed[KNOWN], to_micros(FIRST)), True).as_py()
        if row >= 0:
            event = timed[self._spec.event_timestamp][row].as_py().isoformat()
            delay = format_duration(self._spec.known_at.delay or 0 * MICROSECOND)
            problem = f"event timestamp {event} with a delay of {delay} is known before the year 1"
            where = f"{self._part.name}: row {self.rows + row + 1}"
            raise SourceError(self._spec.name, where, problem, "Correct the data, or known_at.")


def _timed(spec: SourceSpec, table: pa.Table, first: int, *, fresh: bool) -> pa.Table:
    """Add known-at, newness and place. What a delay moves beyond the last instant that exists waits until that."""
    if spec.known_at.column is not None:
        known = table[spec.known_at.column].cast(pa.int64())
    else:
        delay = pa.scalar((spec.known_at.delay or 0 * MICROSECOND) // MICROSECOND, pa.int64())
        known = pc.add(table[spec.event_timestamp].cast(pa.int64()), delay)
        known = pc.min_element_wise(known, pa.scalar(to_micros(LAST), pa.int64()))
    table = table.append_column(KNOWN, known)
    table = table.append_column(DELETES, deleting_rows(spec, table))
    table = table.append_column(FRESH, pa.repeat(pa.scalar(fresh), table.num_rows))
    return table.append_column(PLACE, pa.array(np.arange(first, first + table.num_rows, dtype=np.int64)))
