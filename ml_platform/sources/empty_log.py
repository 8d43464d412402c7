"""The log of a source that may have no rows yet: the predictions of a model that was never deployed."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ml_platform.core.hashing import cache_key, content_id
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.user_code.version import code_version
from ml_platform.sources.conform import TYPES
from ml_platform.sources.local_times import INSTANT
from ml_platform.sources.source_log import EVENT_AT, INGEST, KNOWN_AT
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import store_chunk
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Made

_NEVER = "9999-12-31T23:59:59.999999Z"


def has_rows(artifact: Artifact) -> bool:
    """Return whether anything was ever appended to a source's log."""
    return bool(artifact.about["rows"])


def empty_log_id(source: str, columns: Mapping[str, str]) -> str:
    """Return the id of a log with no rows."""
    return content_id({"kind": "source", "source": source, "columns": dict(columns), "rows": 0})


def empty_log(store: ArtifactStore, spec: SourceSpec) -> Made:
    """Return a log with one chunk of no rows, known from never on. The first rows begin the log anew."""
    columns = {name: column.type for name, column in spec.columns.items()}
    id = empty_log_id(spec.name, columns)
    key = cache_key("source", {}, code_version("source"), {"log": id})
    found = store.find("source", key)
    if found is not None:
        return Made(found, reused=True)
    types = {name: TYPES[column.type] for name, column in spec.columns.items()}
    types |= {EVENT_AT: INSTANT, KNOWN_AT: INSTANT, INGEST: pa.int32()}
    rows = pa.table({name: pa.array([], kind) for name, kind in types.items()})
    chunk = store_chunk(store, "none", rows)
    about = {
        "source": spec.name,
        "columns": columns,
        "rows": 0,
        "chunks": [{"name": chunk.name, "rows": 0, "id": chunk.id, "known_from": _NEVER}],
        "replaced": [],
        "keys_repeat": False,
    }
    return Made(store.write("source", id, key, objects={chunk.name: chunk.stored}, about=about), reused=False)
