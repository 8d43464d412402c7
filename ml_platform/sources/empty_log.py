"""The log of a source that may have no rows yet: the predictions of a model that was never deployed."""

from __future__ import annotations

import pyarrow as pa

from ml_platform.core.hashing import cache_key
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.user_code.version import code_version
from ml_platform.sources.conform import TYPES
from ml_platform.sources.local_times import INSTANT
from ml_platform.sources.source_log import EVENT_AT, INGEST, KNOWN_AT
from ml_platform.storage.artifact_kinds.source import SourceChunk, SourceManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import store_chunk
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized

_NEVER = "9999-12-31T23:59:59.999999Z"


def has_rows(artifact: Artifact) -> bool:
    """Return whether anything was ever appended to a source's log."""
    return bool(SourceManifest.of(artifact).rows)


def empty_log(store: ArtifactStore, spec: SourceSpec) -> Materialized:
    """Return a log with one chunk of no rows, known from never on. The first rows begin a new log."""
    columns = {name: column.type for name, column in spec.columns.items()}
    empty = SourceManifest(source=spec.name, columns={**columns}, rows=0, chunks=(), keys_repeat=False, replaced=())
    key = cache_key("source", {}, code_version("source"), {"log": empty.id_of({}, {})})
    existing = store.find("source", key)
    if existing is not None:
        return Materialized(existing, reused=True)
    types = {name: TYPES[column.type] for name, column in spec.columns.items()}
    types |= {EVENT_AT: INSTANT, KNOWN_AT: INSTANT, INGEST: pa.int32()}
    rows = pa.table({name: pa.array([], kind) for name, kind in types.items()})
    chunk = store_chunk(store, "none", rows)
    without_rows = SourceChunk(name=chunk.name, rows=0, id=chunk.id, known_from=_NEVER)
    return Materialized(
        store.add(empty.but(chunks=(without_rows,)), key, objects={chunk.name: chunk.stored}), reused=False
    )
