"""Rows that a blocking expectation refused: kept for people, and read by nothing."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from ml_platform.core.hashing import content_id, format_instant
from ml_platform.sources.log_writer import CHUNK_ROWS
from ml_platform.sources.new_rows import NewRows
from ml_platform.storage.artifact_kinds.quarantine import QuarantineManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import in_order, store_chunk


def keep_refused_rows(store: ArtifactStore, source: str, new: NewRows, now: datetime) -> None:
    """Write the rows of a refused ingest as an artifact of kind ``quarantine``."""
    tables = (pa.Table.from_batches([batch]) for batch in new.engine.batches(new.declared_rows(), CHUNK_ROWS))
    parts = ((f"rows.{number}" if number > 1 else "rows", table) for number, table in enumerate(tables, 1))
    chunks = [(chunk.name, chunk.id, chunk.stored) for chunk in in_order(lambda p: store_chunk(store, *p), parts)]
    id = content_id([id for _, id, _ in chunks])
    manifest = QuarantineManifest(source=source, rows=new.count, at=format_instant(now))
    store.add(manifest, id, objects={name: stored for name, _, stored in chunks}, id=id)
