"""Appending to a source's log: new chunks, and records of the rows that are replaced, never more than few at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import from_micros
from ml_platform.core.hashing import cache_key, format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.user_code.version import code_version
from ml_platform.sources.key_index import hashes_name, key_range
from ml_platform.sources.new_rows import NewRows
from ml_platform.sources.source_log import CHUNK, DELETED, EVENT_AT, FILE, KEY_HASH, KNOWN_AT, ROW, UNTIL
from ml_platform.storage.artifact_kinds.source import ReplacedRows, SourceChunk, SourceManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import Chunk, in_order, store_chunk
from ml_platform.storage.manifest import Artifact, StoredObject

CHUNK_ROWS, CHUNK_BYTES = 1_000_000, 32_000_000
"""A month with more has several chunks: few chunks are ever held in memory, and each is read as a whole."""
PLACES = pa.schema([(FILE, pa.string()), (ROW, pa.int64()), (UNTIL, pa.int64())])
"""Rows that are replaced: the hash of their chunk's file, their places in it, from when on (microseconds)."""


def append_rows(
    store: ArtifactStore, spec: SourceSpec, previous: Artifact | None, new: NewRows, chunk_bytes: int = CHUNK_BYTES
) -> Artifact:
    """Store new rows as chunks after those of `previous`, and which rows are replaced by them.

    Parameters
    ----------
    chunk_bytes
        How much a chunk holds at most, by the rows' mean size.
    """
    chunk_rows = max(1, min(CHUNK_ROWS, chunk_bytes // new.row_bytes))
    log = _GrowingLog(store, spec, new.number, previous)
    pieces = _by_month(new.batches(), chunk_rows)
    for chunk in in_order(lambda piece: _store_rows(store, spec, new.number, *piece), pieces):
        log.add_chunk(chunk)
    log.add_replaced(new.replaced_before())
    return log.write()


def add_records(
    store: ArtifactStore, spec: SourceSpec, previous: Artifact, number: int, replaced: Iterable[pa.RecordBatch]
) -> Artifact:
    """Give a log that was made before replaced rows were recorded the records of all of them.

    Parameters
    ----------
    replaced
        Numbers of chunks, places in them, from when on the rows are replaced, and whether they are deleted, sorted.
    """
    log = _GrowingLog(store, spec, number, previous)
    log.add_replaced(replaced)
    return log.write()


@dataclass(frozen=True)
class _StoredRows:
    """A new chunk without its rows: what the manifest has about it."""

    chunk: SourceChunk
    stored: StoredObject
    hashes: StoredObject
    replaced: Chunk | None
    deleted_from: str | None
    events: tuple[str, str]
    known: tuple[str, str]


def _store_rows(store: ArtifactStore, spec: SourceSpec, number: int, name: str, rows: pa.Table) -> _StoredRows:
    name = f"{number:06d}/{name}"
    hashes = store_chunk(store, hashes_name(name), rows.select([KEY_HASH]))
    chunk = store_chunk(store, name, rows.drop_columns([KEY_HASH, UNTIL, DELETED]))
    places = pa.array(np.flatnonzero(pc.is_valid(rows[UNTIL]).to_numpy(zero_copy_only=False)), pa.int64())
    replaced = None
    if len(places):
        file = pa.array([chunk.stored.sha256] * len(places), pa.string())
        table = pa.table([file, places, rows[UNTIL].take(places)], schema=PLACES)
        replaced = store_chunk(store, _record_name(number, name), table)
    known = _range(rows[KNOWN_AT])
    keys = tuple(key_range(spec, rows))
    source_chunk = SourceChunk(name=name, rows=rows.num_rows, id=chunk.id, known_from=known[0], keys=keys)
    first = _deleted_from(rows)
    return _StoredRows(source_chunk, chunk.stored, hashes.stored, replaced, first, _range(rows[EVENT_AT]), known)


def _deleted_from(rows: pa.Table) -> str | None:
    """Return the first instant at which one of some rows is deleted."""
    first = pc.min(rows[UNTIL].filter(rows[DELETED])).as_py()
    return None if first is None else format_instant(from_micros(first))


class _GrowingLog:
    """The manifest of a source's log while an ingest adds to it."""

    def __init__(self, store: ArtifactStore, spec: SourceSpec, number: int, previous: Artifact | None) -> None:
        self._store, self._number, self._previous = store, number, previous
        old = SourceManifest.of(previous) if previous else None
        self._chunks, self._replaced = list(old.chunks if old else ()), list(old.records if old else ())
        self._objects = dict(previous.objects) if previous else {}
        self._events, self._known = (list((old and ends) or ()) for ends in (old and old.events, old and old.known))
        self._spec = spec

    def add_chunk(self, chunk: _StoredRows) -> None:
        """Add a chunk of new rows."""
        name = chunk.chunk.name
        self._chunks.append(chunk.chunk)
        self._objects |= {name: chunk.stored, hashes_name(name): chunk.hashes}
        self._events += chunk.events
        self._known += chunk.known
        if chunk.replaced is not None:
            self._add_record(name, chunk.replaced, chunk.deleted_from)

    def add_replaced(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add records of replaced rows, which come sorted by chunk."""
        for number, places in _by_chunk(batches):
            name = self._chunks[number].name
            file = pa.array([self._objects[name].sha256] * places.num_rows, pa.string())
            table = pa.table([file, places[ROW], places[UNTIL]], schema=PLACES)
            record = store_chunk(self._store, _record_name(self._number, name), table)
            self._add_record(name, record, _deleted_from(places))

    def _add_record(self, chunk: str, record: Chunk, deleted_from: str | None) -> None:
        deleted = {} if deleted_from is None else {"deleted_from": deleted_from}
        replaced = ReplacedRows(name=record.name, chunk=chunk, rows=record.rows.num_rows, id=record.id, **deleted)
        self._replaced.append(replaced)
        self._objects[record.name] = record.stored

    def write(self) -> Artifact:
        """Write the manifest."""
        manifest = SourceManifest(
            source=self._spec.name,
            columns={name: column.type for name, column in self._spec.columns.items()},
            rows=sum(chunk.rows for chunk in self._chunks),
            events=(min(self._events), max(self._events)),
            known=(min(self._known), max(self._known)),
            keys_repeat=bool(self._replaced),
            chunks=tuple(self._chunks),
            replaced=tuple(self._replaced),
        )
        inputs = {"previous": self._previous.id} if self._previous else {}
        key = cache_key("source", {}, code_version("source"), {"log": manifest.id_of(inputs, self._objects)})
        return self._store.add(manifest, key, objects=self._objects, inputs=inputs)


def _record_name(number: int, chunk: str) -> str:
    return f"{number:06d}/replaced/{chunk}"


def _by_month(batches: Iterable[pa.RecordBatch], chunk_rows: int) -> Iterator[tuple[str, pa.Table]]:
    """Yield rows that come sorted by known-at month by month, and a month's rows in pieces of at most `chunk_rows`."""
    for month, pieces in itertools.groupby(_pieces(batches, chunk_rows), key=lambda piece: piece[0]):
        for number, (_, tables) in enumerate(pieces, 1):
            yield f"{month}.{number}" if number > 1 else month, pa.concat_tables(tables)


def _pieces(batches: Iterable[pa.RecordBatch], chunk_rows: int) -> Iterator[tuple[str, list[pa.Table]]]:
    current, held, count = "", list[pa.Table](), 0
    for batch in batches:
        table = pa.Table.from_batches([batch])
        for month, start, end in _months(table):
            while start < end:
                if held and (month != current or count == chunk_rows):
                    yield current, held
                    held, count = [], 0
                current, size = month, min(end - start, chunk_rows - count)
                held.append(table.slice(start, size))
                start, count = start + size, count + size
    if held:
        yield current, held


def _months(rows: pa.Table) -> list[tuple[str, int, int]]:
    """Return each month of known-at, where its rows begin, and where they end."""
    if not rows.num_rows:
        return []
    months = rows[KNOWN_AT].cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
    ends = [0, *(int(place) for place in np.flatnonzero(months[1:] != months[:-1]) + 1), len(months)]
    return [(str(months[start]), start, end) for start, end in itertools.pairwise(ends)]


def _by_chunk(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the replaced rows of each chunk, in the order of the rows."""
    pieces = (piece for batch in batches for piece in _chunks(pa.Table.from_batches([batch])))
    for number, same in itertools.groupby(pieces, key=lambda piece: piece[0]):
        yield number, pa.concat_tables(table for _, table in same)


def _chunks(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    numbers = table[CHUNK].to_numpy()
    ends = [0, *(int(place) for place in np.flatnonzero(numbers[1:] != numbers[:-1]) + 1), len(numbers)]
    for start, end in itertools.pairwise(ends if len(numbers) else []):
        yield int(numbers[start]), table.slice(start, end - start)


def _range(values: pa.ChunkedArray) -> tuple[str, str]:
    ends = pc.min_max(values).as_py()
    return format_instant(ends["min"]), format_instant(ends["max"])
