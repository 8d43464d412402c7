"""The entities whose records can have changed since the last publication.

All others keep their records: nothing that decides them is different. That follows from what the description of the
store has noted: the artifacts, the ticks, and what decides the records beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.core.errors import ArtifactMissing
from ml_platform.core.hashing import content_id
from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.features.changed_entities import TableState, changed_entities, each_key_once
from ml_platform.operations.online.content import EntityContent, RowContent, TableContent, layout_id
from ml_platform.project import Project
from ml_platform.sources.log_changes import changed_versions, continues
from ml_platform.sources.source_log import KNOWN, UNTIL, chunk_names, versions_in
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.online.description import Description

_VERSION = 1
"""Of the code that decides which records are computed again: after another one, all are."""


def basis_of(project: Project, content: EntityContent, inputs: Mapping[str, str]) -> str:
    """Return what decides the records of one kind beside data and time: layout, declarations and code."""
    tables = [
        [
            deciding_of(project.spec, "feature_table", item.name),
            FeatureTableManifest.of(project.store.get("feature_table", inputs[item.node])).declared,
        ]
        for item in content.tables
    ]
    rows = [
        [deciding_of(project.spec, "source", item.source), list(project.spec.models[item.model].population.conditions)]
        for item in content.rows
    ]
    return content_id([_VERSION, layout_id([content]), tables, rows])


def changed_keys(
    project: Project,
    engine: Engine,
    content: EntityContent,
    inputs: Mapping[str, str],
    moments: Mapping[str, int],
    before: Description,
) -> pa.Table | None:
    """Return the keys of the entities whose records can differ from those that are published.

    Parameters
    ----------
    moments
        By the name of each block: the tick of a feature table, and until when rows of a population count, in
        microseconds since 1970 UTC.

    Returns
    -------
    The keys, each once. None means all entities: nothing is published, something else decides the records, or rows were
    erased since.
    """
    published = before.records.get(content.record_keys.kind)
    if published is None or not before.key or published.basis != basis_of(project, content, inputs):
        return None
    changes = _Changes(project, engine, inputs, moments, before)
    parts = [*map(changes.of_table, content.tables), *map(changes.of_rows, content.rows)]
    known = [part for part in parts if part is not None]
    return each_key_once(known, content.keys) if len(known) == len(parts) else None


class _Changes:
    def __init__(
        self,
        project: Project,
        engine: Engine,
        inputs: Mapping[str, str],
        moments: Mapping[str, int],
        before: Description,
    ) -> None:
        self._project, self._engine, self._inputs = project, engine, inputs
        self._moments, self._before = moments, before

    def of_table(self, item: TableContent) -> pa.Table | None:
        """Return the keys of entities whose values of a feature table can differ."""
        published = self._before.tables[item.name]
        before = self._state(published.artifact, published.tick)
        now = self._state(self._inputs[item.node], self._moments[item.block.name])
        return None if before is None or now is None else changed_entities(self._project, self._engine, before, now)

    def of_rows(self, item: RowContent) -> pa.Table | None:
        """Return the keys of entities whose newest row of a population can be another."""
        published, until = self._before.rows[item.model], self._moments[item.block.name]
        before, now = self._artifact("source", published.artifact), self._artifact("source", self._inputs[item.node])
        if before is None or now is None or until < published.as_of or not continues(before, now):
            return None
        model = self._project.spec.models[item.model]
        keys = list(self._project.spec.file.entities[model.population.entity])
        parts = [
            self._engine.run(rows.filter([rows[key].notnull() for key in keys]).select(*keys).distinct())
            for rows in self._versions(before, now, published.as_of, until)
        ]
        return each_key_once(parts, {key: self._project.spec.sources[item.source].columns[key].type for key in keys})

    def _versions(self, before: Artifact, now: Artifact, since: int, until: int) -> Iterator[Any]:
        """Yield rows that came or were replaced, and those that were known at one of two instants only."""
        yield from changed_versions(self._engine, self._project.store, before, now)
        if since < until and chunk_names(now):
            rows = versions_in(self._engine, self._project.store, now, chunk_names(now), "rows_known_since")
            came, went = ((rows[name] > since) & (rows[name] <= until) for name in (KNOWN, UNTIL))
            yield rows.filter(came | went)

    def _state(self, id: str, tick: int) -> TableState | None:
        table = self._artifact("feature_table", id)
        source = None if table is None else self._artifact("source", table.inputs["source"])
        return None if table is None or source is None else TableState(table, source, tick)

    def _artifact(self, kind: str, id: str) -> Artifact | None:
        """Return an artifact; None where it is not there, or rows of it were erased."""
        try:
            artifact = self._project.store.get(kind, id)
        except ArtifactMissing:
            return None
        return artifact if artifact.id == id else None
