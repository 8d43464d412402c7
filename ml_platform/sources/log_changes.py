"""What came to the log of a source between two of its states: new rows, and rows that were replaced or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_platform.core.engines import Engine
from ml_platform.sources.source_log import FILE, ROW, has_records, local_chunks, versions_in
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact


def continues(before: Artifact, after: Artifact) -> bool:
    """Return whether a log has every chunk and every record of replaced rows of a former state, unchanged."""
    if not (has_records(before) and has_records(after)):
        return False
    old, new = SourceManifest.of(before), SourceManifest.of(after)
    chunks = {chunk.name: chunk.id for chunk in new.chunks}
    records = {record.name: record.id for record in new.records}
    has_chunks = all(chunks.get(chunk.name) == chunk.id for chunk in old.chunks)
    return has_chunks and all(records.get(record.name) == record.id for record in old.records)


def changed_versions(engine: Engine, store: ArtifactStore, before: Artifact, after: Artifact) -> Iterator[Any]:
    """Yield rows of a log that a former state had not, or had as rows that no later one replaced, for Ibis.

    Run each before the next is asked for. The log `continues` the former state.
    """
    old, new = SourceManifest.of(before), SourceManifest.of(after)
    had = {chunk.name for chunk in old.chunks} | {record.name for record in old.records}
    if come := [chunk.name for chunk in new.chunks if chunk.name not in had]:
        yield versions_in(engine, store, after, come, "rows_that_came")
    records = [record for record in new.records if record.name not in had and record.chunk in had]
    if records:
        files = local_chunks(store, {record.name: after.objects[record.name] for record in records})
        replaced = engine.parquet("newly_replaced", files)
        rows = versions_in(engine, store, after, sorted({record.chunk for record in records}), "rows_replaced")
        yield rows.semi_join(replaced, [FILE, ROW])
