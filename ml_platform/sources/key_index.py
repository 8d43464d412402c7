"""Which chunks of a log hold any of some keys, found without reading the chunks.

Beside each chunk are the hashes of its rows' keys, in the order of the rows, and the manifest has the range of
the first key column. Hashes only choose chunks: then the key itself decides whether a row has it.
"""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import epoch_us, text_hash
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.source_log import FILE, KEY_HASH, ROW
from ml_platform.storage.artifact_kinds.source import SourceChunk, SourceManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact

_BETWEEN = "\x1f"


def hashes_name(chunk: str) -> str:
    """Return the name of the object with the hashes of a chunk's keys."""
    return f"{chunk}/keys"


def key_hash(spec: SourceSpec, rows: Any) -> Any:
    """Return the hash of each row's key, for Ibis: equal keys have equal hashes, on any machine."""
    texts = [_text(spec.columns[name].type, rows[name]) for name in spec.key]
    text = texts[0]
    for other in texts[1:]:
        text = text + ibis.literal(_BETWEEN) + other
    return text_hash(text)


def _text(kind: str, values: Any) -> Any:
    if kind == "string":
        return values
    if kind == "timestamp":
        values = epoch_us(values)
    if kind == "float":
        values = ibis.ifelse(values == 0.0, ibis.literal(0.0), values)  # -0.0 is the same key
    return values.cast("string")


def key_range(spec: SourceSpec, rows: pa.Table) -> list[Any]:
    """Return the least and the greatest value of the first key column, as JSON has it."""
    return _json_range(rows[spec.key[0]])


def _json_range(values: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    ends = pc.min_max(values).as_py()
    return [ends["min"], ends["max"]]


def chunks_with_keys(
    engine: DuckDB, store: ArtifactStore, artifact: Artifact, spec: SourceSpec, rows: Any
) -> list[str]:
    """Return the names of the chunks that may hold any of the rows' keys, in order.

    Parameters
    ----------
    rows
        An Ibis table with the key columns.
    """
    first = rows[spec.key[0]]
    ends = engine.run(rows.aggregate(least=first.min(), greatest=first.max()))
    low, high = _json_range(pa.chunked_array([*ends["least"].chunks, *ends["greatest"].chunks], ends["least"].type))
    near = [chunk for chunk in SourceManifest.of(artifact).chunks if low is not None and _overlaps(chunk, low, high)]
    asked = [chunk.name for chunk in near if hashes_name(chunk.name) in artifact.objects]
    names = {chunk.name for chunk in near} - set(asked)
    if asked:
        hashes = engine.parquet("key_hashes", _paths(store, artifact, asked), places=(FILE, ROW))
        wanted = rows.select(**{KEY_HASH: key_hash(spec, rows)}).distinct()
        held = hashes.semi_join(wanted, KEY_HASH).select(FILE).distinct()
        files = set(engine.run(held)[FILE].to_pylist())
        names |= {name for name in asked if artifact.objects[hashes_name(name)].sha256 in files}
    return [chunk.name for chunk in near if chunk.name in names]


def _overlaps(chunk: SourceChunk, low: Any, high: Any) -> bool:
    """Return whether a chunk's keys may lie in a range; a chunk of an older version has no range."""
    return chunk.keys is None or bool(chunk.keys[0] <= high and low <= chunk.keys[1])


def _paths(store: ArtifactStore, artifact: Artifact, chunks: list[str]) -> list[Any]:
    return [store.local_path(artifact.objects[hashes_name(chunk)]) for chunk in chunks]
