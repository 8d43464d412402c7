"""The log of a source: immutable chunks of rows, each known from an instant on.

A row is known from ``_known_at`` until the next row with its key replaces it, or until it is deleted; nothing is ever
changed or removed. The artifact of a source lists its chunks, and beside them *records of replaced rows*: whichever
ingest replaced or deleted rows of a chunk stored their places in that chunk, and the instants until which they count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.core.engines.ibis_functions import epoch_us
from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.storage.artifact_kinds.source import ReplacedRows, SourceChunk, SourceManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact, StoredObject

EVENT_AT, KNOWN_AT, INGEST = "_event_at", "_known_at", "_ingest"
EVENT, KNOWN, UNTIL = "_event", "_known", "_until"
DELETED = "_deleted"
FILE, ROW, CHUNK = "_file", "_row", "_chunk"
KEY_HASH = "_key_hash"
FOREVER = 2**62
"""Microseconds that mean never: a row that no other has replaced."""


def chunk_names(artifact: Artifact) -> list[str]:
    """Return the names of a source's chunks, oldest ingest first, and by month of known-at within an ingest."""
    return [chunk.name for chunk in SourceManifest.of(artifact).chunks]


def chunk_state(artifact: Artifact, chunk: str) -> str:
    """Return the id of the content of one chunk: of its rows, and of which of them were replaced when.

    It changes only where a later ingest replaced one of the rows.

    Raises
    ------
    PlatformError
        Where the log has no such chunk, or was made before replaced rows were recorded.
    """
    _require_records(artifact)
    return content_id([_chunk(artifact, chunk).id, [record.id for record in _records(artifact, [chunk])]])


def chunk_states(artifact: Artifact) -> dict[str, str]:
    """Return the state of every chunk (`chunk_state`) by its name, in order."""
    _require_records(artifact)
    records: dict[str, list[str]] = {}
    for record in SourceManifest.of(artifact).records:
        records.setdefault(record.chunk, []).append(record.id)
    chunks = SourceManifest.of(artifact).chunks
    return {chunk.name: content_id([chunk.id, records.get(chunk.name, [])]) for chunk in chunks}


def chunk_versions(engine: Engine, store: ArtifactStore, artifact: Artifact, chunk: str, name: str) -> Any:
    """Return one chunk's rows with the interval in which each was known, as `source_versions` gives them.

    Parameters
    ----------
    chunk
        One of `chunk_names`.
    name
        What the table is called in the engine; its record of replaced rows is called ``{name}_replaced``.

    Raises
    ------
    PlatformError
        Where the log has no such chunk, or was made before replaced rows were recorded.
    """
    _require_records(artifact)
    _chunk(artifact, chunk)
    return versions_in(engine, store, artifact, [chunk], name).drop(FILE, ROW)


def numbered_versions(
    engine: Engine, store: ArtifactStore, artifact: Artifact, chunks: Sequence[str], name: str
) -> Any:
    """Return the rows of some chunks as `chunk_versions` does, with ``_chunk``, the chunk's number, and ``_row`` in it.

    Chunks are numbered from 0 in the order of `chunk_names`, which no later ingest changes.
    """
    _require_records(artifact)
    return with_chunk_numbers(engine, artifact, versions_in(engine, store, artifact, chunks, name), name)


def with_chunk_numbers(engine: Engine, artifact: Artifact, rows: Any, name: str) -> Any:
    """Return rows with ``_chunk``, the number of their chunk, in the place of ``_file``."""
    files = {artifact.objects[chunk].sha256: number for number, chunk in enumerate(chunk_names(artifact))}
    numbers = pa.table({"_numbered": list(files), CHUNK: pa.array(files.values(), pa.int64())})
    known = engine.arrow(f"{name}_numbers", numbers)
    return rows.join(known, rows[FILE] == known["_numbered"]).drop(FILE, "_numbered")


def source_versions(engine: Engine, store: ArtifactStore, artifact: Artifact, key: Sequence[str], name: str) -> Any:
    """Return every row of a source with the interval in which it was known, for Ibis.

    Beside the declared columns there are ``_event``, ``_known`` and ``_until`` in microseconds since 1970 UTC:
    the row is known at t where ``_known <= t < _until``. A row is replaced by the next one of its key, in order of
    known-at and ingest.
    """
    return placed_versions(engine, store, artifact, key, name).drop(FILE, ROW)


def placed_versions(engine: Engine, store: ArtifactStore, artifact: Artifact, key: Sequence[str], name: str) -> Any:
    """Return `source_versions` with each row's place: ``_file``, the hash of its chunk's file, and ``_row`` in it."""
    import ibis

    if has_records(artifact):
        return versions_in(engine, store, artifact, chunk_names(artifact), name)
    rows = _timed(_placed_rows(engine, store, artifact, chunk_names(artifact), name))
    later = ibis.window(group_by=list(key), order_by=[KNOWN, INGEST])
    return rows.mutate(**{UNTIL: ibis.coalesce(rows[KNOWN].lead().over(later), _forever())})


def has_records(artifact: Artifact) -> bool:
    """Return whether the log records which of its rows were replaced; one of an older version may not."""
    manifest = SourceManifest.of(artifact)
    return manifest.replaced is not None or not manifest.keys_repeat


def source_rows(engine: Engine, store: ArtifactStore, artifact: Artifact, name: str) -> Any:
    """Return every row of a source for Ibis, read from its chunks where it is needed."""
    return engine.parquet(name, local_chunks(store, _objects(artifact, chunk_names(artifact))))


def known_by(artifact: Artifact, instant: datetime) -> str:
    """Return the id of what a source's log has about an instant: of the chunks with rows that were known by then.

    Rows that become known later, corrections among them, only ever come in later chunks, and change nothing of it.
    A deletion brings no chunk: the records with deletions that were known by then are a part of it.
    """
    until, about = format_instant(instant), SourceManifest.of(artifact)
    chunks = [chunk.id for chunk in about.chunks if chunk.known_from <= until]
    deleted = [record.id for record in about.records if record.deleted_from and record.deleted_from <= until]
    return content_id([chunks, deleted] if deleted else chunks)


def local_chunks(store: ArtifactStore, objects: Mapping[str, StoredObject]) -> list[Any]:
    """Return local files with the chunks, each checked against its hash."""
    return [store.local_path(stored) for stored in objects.values()]


def versions_in(engine: Engine, store: ArtifactStore, artifact: Artifact, chunks: Sequence[str], name: str) -> Any:
    """Return `placed_versions` of some chunks of a log that has records.

    Only chunks with replaced rows are joined with the records.
    """
    import ibis

    touched = {record.chunk for record in _records(artifact, chunks)}
    parts = []
    untouched = [chunk for chunk in chunks if chunk not in touched]
    if untouched:
        rows = _timed(_placed_rows(engine, store, artifact, untouched, name))
        parts.append(rows.mutate(**{UNTIL: _forever()}))
    if touched:
        files = local_chunks(store, _objects(artifact, [item.name for item in _records(artifact, chunks)]))
        replaced = engine.parquet(f"{name}_replaced", files).rename(_of=FILE, _at=ROW, _end=UNTIL)
        ended = [chunk for chunk in chunks if chunk in touched]
        rows = _timed(_placed_rows(engine, store, artifact, ended, f"{name}_ended"))
        rows = rows.left_join(replaced, [rows[FILE] == replaced["_of"], rows[ROW] == replaced["_at"]])
        parts.append(rows.mutate(**{UNTIL: ibis.coalesce(rows["_end"], _forever())}).drop("_of", "_at", "_end"))
    return parts[0] if len(parts) == 1 else parts[0].union(parts[1])


def _placed_rows(engine: Engine, store: ArtifactStore, artifact: Artifact, chunks: Sequence[str], name: str) -> Any:
    return engine.parquet(name, local_chunks(store, _objects(artifact, chunks)), places=(FILE, ROW))


def _timed(rows: Any) -> Any:
    return rows.mutate(**{EVENT: epoch_us(rows[EVENT_AT]), KNOWN: epoch_us(rows[KNOWN_AT])})


def _forever() -> Any:
    import ibis

    return ibis.literal(FOREVER, "int64")


def _objects(artifact: Artifact, names: Iterable[str]) -> dict[str, StoredObject]:
    return {name: artifact.objects[name] for name in names}


def _records(artifact: Artifact, chunks: Sequence[str]) -> list[ReplacedRows]:
    wanted = set(chunks)
    return [record for record in SourceManifest.of(artifact).records if record.chunk in wanted]


def _chunk(artifact: Artifact, name: str) -> SourceChunk:
    chunks = [chunk for chunk in SourceManifest.of(artifact).chunks if chunk.name == name]
    if not chunks:
        hint = suggest(name, chunk_names(artifact))
        raise PlatformError(
            f"source {SourceManifest.of(artifact).source} has no chunk {name} in {artifact.short_id}. {hint}"
        )
    return chunks[0]


def _require_records(artifact: Artifact) -> None:
    if not has_records(artifact):
        source = SourceManifest.of(artifact).source
        raise PlatformError(
            f"sources/{source}: its log {artifact.short_id} was made before replaced rows were recorded. "
            f"Materialize sources/{source} again: no row is lost."
        )
