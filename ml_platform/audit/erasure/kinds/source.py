"""Erasing rows of an ingested source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ml_platform.audit.erasure.kinds.row_erasure import Remainder, RowErasure
from ml_platform.core.hashing import frame_id
from ml_platform.sources.ingest_history import INGESTS
from ml_platform.sources.key_index import hashes_name
from ml_platform.sources.source_log import FILE, ROW
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import parquet_bytes
from ml_platform.storage.rows import insert_row


class SourceRows(RowErasure):
    """Rows leave their chunks with their hashes, and records of replaced rows get their new places."""

    name = SourceManifest.name

    @classmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the rows out of the chunks, of the hashes of their keys, and of the records of replaced rows."""
        chunks, kept_records = [], []
        for chunk in remainder.about["chunks"]:
            name = chunk["name"]
            records = [record for record in remainder.about.get("replaced", ()) if record["chunk"] == name]
            if not remainder.may_hold(name):
                chunks.append(chunk)
                kept_records += records
                continue
            rows = remainder.read(name)
            kept = pc.invert(remainder.person.rows(rows))
            stored = remainder.keep(name, rows, kept)
            if hashes_name(name) in remainder.objects:
                remainder.keep(hashes_name(name), remainder.read(hashes_name(name)), kept, counted=False)
            chunks.append(_chunk_about(chunk, rows.filter(kept)))
            moved = (_moved_record(remainder, record, kept, stored) for record in records)
            kept_records += [record for record in moved if record is not None]
        remainder.about |= {"chunks": chunks, "rows": sum(chunk["rows"] for chunk in chunks)}
        if "replaced" in remainder.about:
            remainder.about |= {"replaced": kept_records, "keys_repeat": bool(kept_records)}

    @classmethod
    def repoint(cls, connection: sa.Connection, artifact: Artifact, new: Artifact) -> None:
        """Add an ingest that leads to the new rows, so that a run that read the former ones is refused."""
        last = sa.select(INGESTS).where(INGESTS.c.source == SourceManifest.of(artifact).source)
        row = connection.execute(last.order_by(INGESTS.c.number.desc()).limit(1)).mappings().first()
        if row is not None and row["id"] == artifact.id:
            following = {name: row[name] for name in row if name != "seq"}
            following |= {"number": row["number"] + 1, "id": new.id, "new_rows": 0, "late": 0, "corrections": 0}
            insert_row(connection, INGESTS, following)


def _chunk_about(chunk: Mapping[str, Any], rows: pa.Table) -> dict[str, Any]:
    """Return what the manifest holds about a chunk without the rows; the range of its keys is left out."""
    about = {name: value for name, value in chunk.items() if name != "keys"}
    return about | {"rows": rows.num_rows, "id": frame_id(rows)}


def _moved_record(
    remainder: Remainder, record: Mapping[str, Any], kept: pa.ChunkedArray, chunk: StoredObject
) -> dict[str, Any] | None:
    """Return a record of replaced rows without those that are erased, at their new places in the new file."""
    places = np.cumsum(kept.to_numpy(zero_copy_only=False)) - 1
    table = remainder.read(record["name"])
    old = table[ROW].to_numpy()
    stays = kept.to_numpy(zero_copy_only=False)[old]
    table = table.filter(pa.array(stays))
    columns = {
        FILE: pa.array([chunk.sha256] * table.num_rows, pa.string()),
        ROW: pa.array(places[old[stays]], pa.int64()),
    }
    table = pa.table([columns.get(name, table[name]) for name in table.column_names], schema=table.schema)
    if table.num_rows == 0:
        remainder.changed.add(record["name"])
        del remainder.objects[record["name"]]
        return None
    remainder.replace(record["name"], parquet_bytes(table))
    return {**record, "rows": table.num_rows, "id": frame_id(table)}
