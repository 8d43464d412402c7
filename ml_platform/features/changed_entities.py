"""Which entities' values of a feature table can differ between two ticks, or between two states of the table.

The values of an entity at a tick follow from its cells that count then in each window, and from the tick itself only
where an aggregate reads it. So they can differ only where

- a row of the entity came to the source, or was replaced or deleted, or
- a cell began or ended to count: its rows became known, a later row replaced one of them, or its events entered or left
  a window as time passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import pyarrow as pa

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines import Engine
from ml_platform.declarations.feature_table import EVER, FeatureTableSpec
from ml_platform.declarations.source import ColumnType
from ml_platform.features.tile_store import engine_cells
from ml_platform.features.tiles import EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL, Grain
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES
from ml_platform.sources.log_changes import changed_versions, continues
from ml_platform.storage.artifact_kinds.feature_table import CellChunk, FeatureTableManifest
from ml_platform.storage.manifest import Artifact


@dataclass(frozen=True)
class TableState:
    """A feature table as it is read at a tick.

    Attributes
    ----------
    source
        What the table was made from.
    tick
        In microseconds since 1970 UTC.
    """

    table: Artifact
    source: Artifact
    tick: int


def changed_entities(project: Project, engine: Engine, before: TableState, now: TableState) -> pa.Table | None:
    """Return the keys of the entities whose values can differ, or that can be known in one state only.

    Parameters
    ----------
    before, now
        Two states of one feature table whose declaration is the same.

    Returns
    -------
    The keys, each once; the values of some of them can be the same. None means that those of any entity can differ.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    spec = project.spec.feature_tables[FeatureTableManifest.of(now.table).table]
    reads_tick = any(feature.reads_tick for feature in spec.features.values())
    if reads_tick or now.tick < before.tick or not continues(before.source, now.source):
        return None
    keys = list(project.spec.file.entities[spec.entity])
    changed = list(changed_versions(engine, project.store, before.source, now.source))
    parts = [
        engine.run(rows.filter([rows[key].notnull() for key in keys]).select(*keys).distinct()) for rows in changed
    ]
    crossing = _Crossing(Grain.of(spec, keys), _ends(spec), before.tick, now.tick)
    if chunks := [chunk for chunk in FeatureTableManifest.of(now.table).chunks if crossing.is_possible(chunk)]:
        cells = engine_cells(engine, project.store, now.table, crossing.grain, [], chunks)
        parts.append(engine.run(cells.filter(crossing.of_cells(cells)).select(*keys).distinct()))
    return each_key_once(parts, {key: project.spec.sources[spec.source].columns[key].type for key in keys})


def each_key_once(tables: Sequence[pa.Table], kinds: Mapping[str, ColumnType]) -> pa.Table:
    """Return the keys in some tables, each once; kinds are those of the key columns."""
    schema = pa.schema([(key, TYPES[kind]) for key, kind in kinds.items()])
    keys = pa.concat_tables([schema.empty_table(), *(table.select(schema.names).cast(schema) for table in tables)])
    return keys.group_by(schema.names).aggregate([])


def _ends(spec: FeatureTableSpec) -> tuple[int, ...]:
    """Return both ends of every window of a table, in microseconds."""
    windows = {window or EVER for _, window in spec.columns.values()}
    ends = {end for window in windows for end in (window.start, window.end) if end is not None}
    return tuple(sorted(end // MICROSECOND for end in ends))


@dataclass(frozen=True)
class _Crossing:
    """Whether cells begin or end to count at a tick in ``(before, now]``."""

    grain: Grain
    ends: Sequence[int]
    before: int
    now: int

    def is_possible(self, chunk: CellChunk) -> bool:
        """Return whether a cell of a chunk can."""
        if chunk.known is None or chunk.events is None:
            return False
        first, last = chunk.events
        passed = any(self.before + end < last and first <= self.now + end for end in self.ends)
        return passed or chunk.replaced or (self.before < chunk.known[1] and chunk.known[0] <= self.now)

    def of_cells(self, cells: Any) -> Any:
        """Return which cells do, for Ibis."""
        step, unit = self.grain.step, self.grain.unit
        edges = [(cells[name], self.before // step, self.now // step) for name in (KNOWN_FROM, KNOWN_UNTIL)]
        edges += [(cells[EVENT_UNIT], (self.before + end) // unit, (self.now + end) // unit) for end in self.ends]
        return reduce(or_, ((column > first) & (column <= last) for column, first, last in edges))
