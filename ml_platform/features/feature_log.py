"""The log of a feature table as it is stored: immutable chunks by the month from which values hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.engine import Engine
from ml_platform.features.chunks import store_chunks
from ml_platform.features.source_log import local_chunks
from ml_platform.features.values import VALID_FROM
from ml_platform.identity import content_id, format_instant
from ml_platform.project import Project
from ml_platform.spec.resolve import feature_type
from ml_platform.store.artifacts import Artifact, ArtifactStore


def write_log(project: Project, name: str, log: pa.Table, key: str, source_id: str) -> Artifact:
    """Store a feature table's log, in canonical order, in one chunk for each month.

    The id is the hash of what the chunks hold. A month in which nothing changed is the same object as before.
    """
    spec = project.spec.feature_tables[name]
    stored = store_chunks(project.store, _months(log))
    chunks = [{"name": chunk.name, "rows": chunk.rows.num_rows, "id": chunk.id} for chunk in stored]
    objects = {chunk.name: chunk.stored for chunk in stored}
    ends = pc.min_max(log[VALID_FROM]).as_py()
    keys = project.spec.file.entities[spec.entity]
    about = {
        "table": name,
        "rows": log.num_rows,
        "entities": log.select(list(keys)).group_by(list(keys)).aggregate([]).num_rows,
        "columns": {column: feature_type(project.spec, f"{name}.{column}") for column in spec.columns},
        "valid_from": [format_instant(ends["min"]), format_instant(ends["max"])] if log.num_rows else None,
        "chunks": chunks,
    }
    id = content_id({"kind": "feature_table", "table": name, "chunks": [chunk["id"] for chunk in chunks]})
    return project.store.write("feature_table", id, key, objects=objects, about=about, inputs={"source": source_id})


def _months(log: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of each month in their order; a log without rows is one empty part."""
    months = log[VALID_FROM].cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]").astype(np.int64)
    places = np.argsort(months, kind="stable")
    starts = np.flatnonzero(np.diff(months[places], prepend=-(10**9)))
    for start, end in itertools.pairwise([*starts, len(places)]):
        yield str(np.datetime64(int(months[places[start]]), "M")), log.take(pa.array(places[start:end]))
    if not len(places):
        yield "none", log


def feature_log(engine: Engine, store: ArtifactStore, artifact: Artifact, name: str) -> Any:
    """Return a feature table's log for Ibis: entity key, ``valid_from``, features."""
    return engine.parquet(name, local_chunks(store, artifact.objects))


def read_feature_log(project: Project, id: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a feature table's whole log, or some of its columns."""
    artifact = project.store.get("feature_table", id)
    with project.engine() as engine:
        log = feature_log(engine, project.store, artifact, "feature_log")
        return engine.run(log.select(*columns) if columns else log)
