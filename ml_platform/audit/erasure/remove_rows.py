"""What is left of an artifact without one person's rows: other objects, other facts, and an id of its own."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.staged_store import Rehearsal
from ml_platform.audit.erasure.texts import masked_bytes
from ml_platform.core.clock import parse_duration
from ml_platform.core.hashing import content_id, frame_id
from ml_platform.datasets.left_out import EFFECTIVE_TIME
from ml_platform.datasets.snapshot.boundaries import PARTS, Boundaries
from ml_platform.sources.dirty_rows import counts_in
from ml_platform.sources.key_index import hashes_name
from ml_platform.sources.source_log import FILE, ROW
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import parquet_bytes, read_parquet


@dataclass
class Left:
    """What is left of an artifact while its objects are gone through.

    Attributes
    ----------
    rows
        How many rows were taken out.
    """

    artifact: Artifact
    about: dict[str, Any]
    objects: dict[str, StoredObject]
    rows: int = 0
    changed: set[str] = field(default_factory=set)

    @property
    def is_changed(self) -> bool:
        """Whether anything was taken out or masked."""
        return bool(self.changed) or self.about != dict(self.artifact.about)


def without(store: Rehearsal, artifact: Artifact, person: Person) -> Left:
    """Return what is left of an artifact without the rows of a person.

    The id is that of what is left; where the manifest does not tell how its kind's ids are made, it follows from the
    former id and the new objects.
    """
    left = Left(artifact, dict(artifact.about), dict(artifact.objects))
    _KINDS.get(artifact.kind, _any)(store, left, person)
    return left


def left_id(left: Left) -> str:
    """Return the id of what is left."""
    artifact = left.artifact
    manifest = artifact_kind(artifact.kind).of(replace(artifact, about=left.about, read={}))
    id = manifest.id_of(artifact.inputs, left.objects)
    if id is not None:
        return id
    objects = {name: stored.sha256 for name, stored in left.objects.items()}
    return content_id({"kind": artifact.kind, "what is left of": artifact.id, "about": left.about, "objects": objects})


# One kind each -------------------------------------------------------------


def _source(store: Rehearsal, left: Left, person: Person) -> None:
    """Take rows out of chunks; their hashes go with them, and records of replaced rows learn their new places."""
    chunks, kept_records = [], []
    for chunk in left.about["chunks"]:
        name = chunk["name"]
        own = [record for record in left.about.get("replaced", ()) if record["chunk"] == name]
        if left.objects[name].sha256 not in store.touched:
            chunks.append(chunk)
            kept_records += own
            continue
        rows = read_table(store, left.objects[name])
        gone = person.rows(rows)
        kept = pc.invert(gone)
        stored = _take(store, left, name, rows, kept)
        if hashes_name(name) in left.objects:
            hashes = read_table(store, left.objects[hashes_name(name)])
            _take(store, left, hashes_name(name), hashes, kept, counted=False)
        chunks.append(_chunk_about(chunk, rows.filter(kept)))
        kept_records += [r for r in (_record(store, left, item, kept, stored) for item in own) if r is not None]
    left.about |= {"chunks": chunks, "rows": sum(chunk["rows"] for chunk in chunks)}
    if "replaced" in left.about:
        left.about |= {"replaced": kept_records, "keys_repeat": bool(kept_records)}


def _chunk_about(chunk: Mapping[str, Any], rows: pa.Table) -> dict[str, Any]:
    """Return what the manifest tells of a chunk without the rows; the range of its keys is told no more."""
    about = {name: value for name, value in chunk.items() if name != "keys"}
    return about | {"rows": rows.num_rows, "id": frame_id(rows)}


def _record(
    store: Rehearsal, left: Left, record: Mapping[str, Any], kept: pa.ChunkedArray, chunk: StoredObject
) -> dict[str, Any] | None:
    """Return a record of replaced rows without those that are gone, at their new places in the new file."""
    places = np.cumsum(kept.to_numpy(zero_copy_only=False)) - 1
    table = read_table(store, left.objects[record["name"]])
    old = table[ROW].to_numpy()
    stays = kept.to_numpy(zero_copy_only=False)[old]
    table = table.filter(pa.array(stays))
    columns = {
        FILE: pa.array([chunk.sha256] * table.num_rows, pa.string()),
        ROW: pa.array(places[old[stays]], pa.int64()),
    }
    table = pa.table([columns.get(name, table[name]) for name in table.column_names], schema=table.schema)
    left.changed.add(record["name"])
    if table.num_rows == 0:
        del left.objects[record["name"]]
        return None
    left.objects[record["name"]] = store.put(parquet_bytes(table))
    return {**record, "rows": table.num_rows, "id": frame_id(table)}


def _feature_table(store: Rehearsal, left: Left, person: Person) -> None:
    chunks = []
    for chunk in left.about["chunks"]:
        rows = chunk["rows"]
        for name in chunk["objects"]:
            rows = _filter(store, left, name, person, rows)
        chunks.append(chunk if rows == chunk["rows"] else _cells_about(chunk, rows))
    if chunks != left.about["chunks"]:
        left.about.pop("declared", None)  # the id of what is left does not follow from it
        left.about |= {"chunks": chunks, "rows": sum(chunk["rows"] for chunk in chunks)}


def _cells_about(chunk: Mapping[str, Any], rows: int) -> dict[str, Any]:
    about = {name: value for name, value in chunk.items() if name != "ids"} | {"rows": rows}
    return about if rows else about | {"events": None, "known": None}


def _snapshot(store: Rehearsal, left: Left, person: Person) -> None:
    written, days, counts = left.about["boundaries"], [], dict(left.about["rows"])
    edges = [datetime.fromisoformat(written[name]) for name in ("train_start", "validate_start", "test_start", "end")]
    bounds = Boundaries(edges[0], edges[1], edges[2], edges[3], parse_duration(written["horizon"]))
    told = {day: [day, id, count] for day, id, count in left.about.get("chunks", ())}
    for day in sorted(left.objects):
        if day in told and left.objects[day].sha256 not in store.touched:
            days.append(told[day])
            continue
        rows = read_table(store, left.objects[day])
        gone = person.rows(rows)
        lost = rows.filter(gone)
        if lost.num_rows:
            _take(store, left, day, rows, pc.invert(gone))
            rows = rows.filter(pc.invert(gone))
            for part in PARTS:
                counts[part] -= pc.sum(bounds.holds(part, lost[EFFECTIVE_TIME])).as_py() or 0
        if rows.num_rows:
            days.append([day, frame_id(rows), rows.num_rows])
        else:
            left.objects.pop(day)
    if left.changed:
        left.about |= {"rows": counts, "chunks": days, "days": len(days)}


def _predictions(store: Rehearsal, left: Left, person: Person) -> None:
    names = sorted(name for name in left.objects if name.startswith("segment_"))
    segments = []
    for name, segment in zip(names, left.about["segments"], strict=True):
        rows = _filter(store, left, name, person, segment["rows"])
        told = {"rows": rows, "id": frame_id(read_table(store, left.objects[name]))}
        segments.append(segment if rows == segment["rows"] else {**segment, **told})
    if segments != left.about["segments"]:
        left.about |= {"segments": segments, "rows": sum(segment["rows"] for segment in segments)}


def _quarantine(store: Rehearsal, left: Left, person: Person) -> None:
    names = sorted(left.objects)
    rows = sum(_filter(store, left, name, person, _rows_in(store, left.objects[name])) for name in names)
    if left.changed:
        tables = [read_table(store, left.objects[name]) for name in names]
        left.about |= {"rows": rows, "ids": [frame_id(table) for table in tables]}
        if "dirty" in left.about:
            left.about["dirty"] = [count.as_json() for count in counts_in(tables)]


def _any(store: Rehearsal, left: Left, person: Person) -> None:
    """Take rows out of tables, and mask the key in texts and in what the manifest tells."""
    left.about = dict(person.masked(left.about))
    for name, stored in list(left.objects.items()):
        if stored.sha256 not in store.touched:
            continue
        content = store.read(stored)
        if is_table(content):
            _filter(store, left, name, person, 0)
        else:
            _mask(store, left, name, content, person)
    if left.changed:
        left.about["erased"] = left.rows


def _mask(store: Rehearsal, left: Left, name: str, content: bytes, person: Person) -> None:
    masked = masked_bytes(content, person)
    if masked is not None:
        left.changed.add(name)
        left.objects[name] = store.put(masked)


_KINDS: Mapping[str, Callable[[Rehearsal, Left, Person], None]] = {
    "source": _source,
    "feature_table": _feature_table,
    "snapshot": _snapshot,
    "predictions": _predictions,
    "quarantine": _quarantine,
}


# Tables --------------------------------------------------------------------


def is_table(content: bytes) -> bool:
    """Return whether an object's bytes are those of a table."""
    return content[:4] == b"PAR1"


def _rows_in(store: Rehearsal, stored: StoredObject) -> int:
    return int(pq.ParquetFile(io.BytesIO(store.read(stored))).metadata.num_rows)


def read_table(store: Rehearsal, stored: StoredObject) -> pa.Table:
    """Return the rows of a stored table."""
    return read_parquet(store, stored)


def _filter(store: Rehearsal, left: Left, name: str, person: Person, rows: int) -> int:
    """Take the person's rows out of one object, and return how many rows it then has."""
    if left.objects[name].sha256 not in store.touched:
        return rows
    table = read_table(store, left.objects[name])
    gone = person.rows(table)
    if not pc.sum(gone).as_py():
        return rows
    _take(store, left, name, table, pc.invert(gone))
    return int(table.num_rows - pc.sum(gone).as_py())


def _take(
    store: Rehearsal, left: Left, name: str, table: pa.Table, kept: pa.ChunkedArray, *, counted: bool = True
) -> StoredObject:
    stays = table.filter(kept)
    left.rows += table.num_rows - stays.num_rows if counted else 0
    left.changed.add(name)
    left.objects[name] = store.put(parquet_bytes(stays))
    return left.objects[name]
