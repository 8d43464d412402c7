"""Appending to a source's log: new chunks, and records of the rows that they replace."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.code_version import code_version
from ml_platform.features.chunks import Chunk, store_chunks
from ml_platform.features.source_log import EVENT_AT, FILE, INGEST, KNOWN_AT, ROW, UNTIL
from ml_platform.identity import cache_key, content_id, format_instant
from ml_platform.spec.source import SourceSpec
from ml_platform.store.artifacts import Artifact, ArtifactStore

PLACES = pa.schema([(FILE, pa.string()), (ROW, pa.int64()), (UNTIL, pa.int64())])
"""Rows that were replaced: the hash of their chunk's file, their places in it, from when on (microseconds)."""


def append_rows(
    store: ArtifactStore,
    spec: SourceSpec,
    previous: Artifact | None,
    rows: pa.Table,
    replaced: pa.Table,
    replaced_before: pa.Table,
) -> Artifact:
    """Store rows as new chunks behind those of `previous`, and what they replace.

    Parameters
    ----------
    rows
        Sorted by known-at and key.
    replaced
        Which of these rows are replaced by others of them: ``_row`` among all of them, and ``_until``.
    replaced_before
        Which rows of `previous` are replaced, as `PLACES`.
    """
    number = rows[INGEST][0].as_py()
    starts = _months(rows)
    stored = store_chunks(store, ((f"{number:06d}/{month}", rows.slice(start, size)) for month, start, size in starts))
    places = pa.concat_tables(
        _place(replaced, chunk, start) for chunk, (_, start, _) in zip(stored, starts, strict=True)
    )
    old: Mapping[str, Any] = previous.about if previous else {"chunks": [], "rows": 0}
    about = {
        "source": spec.name,
        "columns": {name: column.type for name, column in spec.columns.items()},
        "rows": old["rows"] + rows.num_rows,
        "events": _range(rows[EVENT_AT], old.get("events")),
        "known": _range(rows[KNOWN_AT], old.get("known")),
        "chunks": [*old["chunks"], *map(_told, stored)],
        "replaced": list(old.get("replaced", ())),
    }
    objects = {**(previous.objects if previous else {}), **{chunk.name: chunk.stored for chunk in stored}}
    return _write(store, previous, number, about, objects, pa.concat_tables([places, replaced_before]))


def add_records(store: ArtifactStore, previous: Artifact, number: int, replaced: pa.Table) -> Artifact:
    """Give a log that was made before replaced rows were recorded the records of all of them, as `PLACES`."""
    about = {**previous.about, "replaced": []}
    return _write(store, previous, number, about, dict(previous.objects), replaced)


def _write(
    store: ArtifactStore,
    previous: Artifact | None,
    number: int,
    about: dict[str, Any],
    objects: dict[str, Any],
    replaced: pa.Table,
) -> Artifact:
    chunk_of = {objects[chunk["name"]].sha256: chunk["name"] for chunk in about["chunks"]}
    parts = ((f"{number:06d}/replaced/{chunk_of[file]}", part) for file, part in _by_file(replaced))
    for record in store_chunks(store, parts):
        objects[record.name] = record.stored
        chunk = record.name.split("/replaced/")[1]
        about["replaced"].append({"name": record.name, "chunk": chunk, "rows": record.rows.num_rows, "id": record.id})
    about["keys_repeat"] = bool(about["replaced"])
    ids = {part: [item["id"] for item in about[part]] for part in ("chunks", "replaced")}
    id = content_id({"kind": "source", "source": about["source"], **ids})
    key = cache_key("source", {}, code_version("source"), {"log": id})
    inputs = {"previous": previous.id} if previous else {}
    return store.write("source", id, key, objects=objects, about=about, inputs=inputs)


def _told(chunk: Chunk) -> dict[str, Any]:
    known_from = format_instant(chunk.rows[KNOWN_AT][0].as_py())
    return {"name": chunk.name, "rows": chunk.rows.num_rows, "id": chunk.id, "known_from": known_from}


def _months(rows: pa.Table) -> list[tuple[str, int, int]]:
    """Return each month of known-at, where its rows begin, and how many there are."""
    months = rows[KNOWN_AT].cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
    ends = [0, *(int(place) for place in np.flatnonzero(months[1:] != months[:-1]) + 1), len(months)]
    return [(str(months[start]), start, end - start) for start, end in itertools.pairwise(ends)]


def _place(replaced: pa.Table, chunk: Chunk, start: int) -> pa.Table:
    rows = pc.subtract(replaced[ROW], start)
    inside = pc.and_(pc.greater_equal(rows, 0), pc.less(rows, chunk.rows.num_rows))
    found = replaced.set_column(replaced.column_names.index(ROW), ROW, rows).filter(inside)
    file = pa.array([chunk.stored.sha256] * found.num_rows, pa.string())
    return found.append_column(FILE, file).select(PLACES.names)


def _by_file(replaced: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the replaced rows of each file, in the order of the rows."""
    replaced = replaced.select(PLACES.names).cast(PLACES).sort_by([(FILE, "ascending"), (ROW, "ascending")])
    counts = pc.run_end_encode(replaced[FILE].combine_chunks()) if replaced.num_rows else None
    ends = [] if counts is None else [0, *counts.run_ends.to_pylist()]
    for start, end in itertools.pairwise(ends):
        yield replaced[FILE][start].as_py(), replaced.slice(start, end - start)


def _range(values: pa.ChunkedArray, old: Sequence[str] | None) -> list[str]:
    found = pc.min_max(values).as_py()
    ends = [format_instant(found["min"]), format_instant(found["max"])]
    return [min(ends[0], old[0]), max(ends[1], old[1])] if old else ends
