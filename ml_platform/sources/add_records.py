"""Giving a log that an older version made the records of its replaced rows."""

from __future__ import annotations

import ibis

from ml_platform.core.engines import DuckDB
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.log_writer import add_records
from ml_platform.sources.source_log import (
    CHUNK,
    DELETED,
    FOREVER,
    ROW,
    UNTIL,
    placed_versions,
    with_chunk_numbers,
)
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact


def with_records(engine: DuckDB, store: ArtifactStore, spec: SourceSpec, artifact: Artifact, number: int) -> Artifact:
    """Return a log that records which of its rows were replaced.

    Parameters
    ----------
    number
        Of the ingest that records them.
    """
    rows = placed_versions(engine, store, artifact, spec.key, "stored_rows")
    rows = with_chunk_numbers(engine, artifact, rows.filter(rows[UNTIL] != FOREVER), "stored_rows")
    rows = rows.select(CHUNK, ROW, UNTIL, **{DELETED: ibis.literal(False)})
    return add_records(store, spec, artifact, number, engine.batches(rows.order_by([CHUNK, ROW])))
