"""Reading a feature table's cells from the store: the columns and the stretch of time that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines import Engine
from ml_platform.core.engines.exact_sums import combined, widened
from ml_platform.features.aggregates.partials import DECIMAL, or_zero
from ml_platform.features.some_entities import Flags, SomeEntities
from ml_platform.features.tiles import EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL, Grain
from ml_platform.storage.artifact_kinds.feature_table import CellChunk, FeatureTableManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import at_once
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import read_parquet, rows_where

TIMES = (EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL)


@dataclass(frozen=True)
class StoredCells:
    """The cells of some chunks of a feature table; columns are read when they are asked for.

    Attributes
    ----------
    chunks
        The entry of each chunk in the table's manifest.
    entities
        Cells of others can be left out, so that those of few take little memory. None means that all cells are read.
    """

    store: ArtifactStore
    artifact: Artifact
    grain: Grain
    chunks: Sequence[CellChunk]
    entities: SomeEntities | None = None
    _wanted: dict[str, Flags] = field(default_factory=dict, compare=False)

    @property
    def replaced(self) -> bool:
        """Whether any row in the cells was replaced by a later one."""
        return any(chunk.replaced for chunk in self.chunks)

    @property
    def prompt(self) -> bool:
        """Whether every cell was known by the first tick at or after its events."""
        return all(chunk.prompt for chunk in self.chunks)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Return columns of all cells, each file checked against its hash.

        Raises
        ------
        ArtifactMissing, ArtifactDamaged
        """
        tables = self.by_chunk(columns)
        return pa.table({name: pa.chunked_array(widened([combined(one[name]) for one in tables])) for name in columns})

    def by_chunk(self, columns: Sequence[str]) -> list[pa.Table]:
        """Return the same as one table for each chunk, sorted by key; where there is no chunk, one table without rows.

        Raises
        ------
        ArtifactMissing, ArtifactDamaged
        """
        read = at_once(
            lambda chunk: self._read(chunk, columns), self.chunks or FeatureTableManifest.of(self.artifact).chunks[:1]
        )
        return read if self.chunks else [read[0].slice(0, 0)]

    def _read(self, chunk: CellChunk, columns: Sequence[str]) -> pa.Table:
        """Return columns of one chunk."""
        base = [name for name in (*self.grain.keys, *TIMES) if name in columns]
        parts = [name for name in columns if name not in base]
        plan = _plan(self.artifact, chunk, base, parts)
        if self.entities is None:
            tables = [read_parquet(self.store, *item) for item in plan]
            return _side_by_side(tables, columns, chunk.zeros).combine_chunks()
        paths = [(self.store.local_path(stored), names) for stored, names in plan]
        if chunk.name not in self._wanted:
            keys = pq.ParquetFile(paths[0][0]).read(list(self.grain.keys), use_threads=False)
            self._wanted[chunk.name] = self.entities.among(keys.combine_chunks())
        tables = [rows_where(path, names, self._wanted[chunk.name]) for path, names in paths]
        return _side_by_side(tables, columns, chunk.zeros)


def chunks_between(artifact: Artifact, first: int, last: int, longest: timedelta | None) -> list[CellChunk]:
    """Return the chunks whose cells can count at ticks from `first` to `last`, in microseconds since 1970 UTC.

    Parameters
    ----------
    longest
        How far back the longest window reaches; None means for ever.
    """
    return [
        chunk
        for chunk in FeatureTableManifest.of(artifact).chunks
        if chunk.known
        and chunk.events
        and chunk.known[0] <= last
        and (longest is None or chunk.events[1] + longest // MICROSECOND > first)
    ]


def engine_cells(
    engine: Engine,
    store: ArtifactStore,
    artifact: Artifact,
    grain: Grain,
    parts: Sequence[str],
    chunks: Sequence[CellChunk],
) -> Any:
    """Return what `StoredCells` reads for Ibis; the engine itself reads the chunks whose cells are in one object."""
    base = [*grain.keys, *TIMES]
    plans = {chunk.name: _plan(artifact, chunk, base, parts) for chunk in chunks}
    whole: dict[str, list[Path]] = {}
    for chunk in chunks:
        if len(plan := plans[chunk.name]) == 1:
            path = store.local_path(plan[0][0])
            whole.setdefault(str(pq.read_schema(path).remove_metadata()), []).append(path)
    divided = [chunk for chunk in chunks if len(plans[chunk.name]) > 1]
    tables = [engine.parquet(f"whole_cells_{number}", paths) for number, paths in enumerate(whole.values())]
    if divided or not whole:
        read = StoredCells(store, artifact, grain, divided).read([*base, *parts])
        tables.append(engine.arrow("divided_cells", read))
    return reduce(lambda one, other: one.union(other), _alike(tables, [*base, *parts]))


def _alike(tables: Sequence[Any], columns: Sequence[str]) -> list[Any]:
    """Return tables of cells for Ibis with the same columns: limbs are missing where they are zero, or narrower."""
    import ibis

    kinds = {name: {table.schema().get(name) for table in tables} for name in columns}
    limbs = [name for name, seen_kinds in kinds.items() if len(seen_kinds) > 1 or None in seen_kinds]
    return [
        table.mutate(
            **{name: or_zero(table[name] if name in table.columns else ibis.null(DECIMAL)) for name in limbs}
        ).select(*columns)
        for table in tables
    ]


def _plan(
    artifact: Artifact, chunk: CellChunk, base: Sequence[str], parts: Sequence[str]
) -> list[tuple[StoredObject, list[str]]]:
    """Return which columns to read from which of a chunk's objects."""
    plan = [
        (artifact.objects[name], [part for part in parts if part in columns]) for name, columns in chunk.objects.items()
    ]
    plan = [(stored, columns) for stored, columns in plan if columns] or plan[:1]
    first, columns = plan[0]
    return [(first, [*base, *columns]), *plan[1:]]


def _side_by_side(tables: Sequence[pa.Table], columns: Sequence[str], zeros: Sequence[str]) -> pa.Table:
    columns_by_name = {name: table[name] for table in tables for name in table.column_names}
    columns_by_name |= dict.fromkeys(set(zeros).intersection(columns), pa.array(np.zeros(len(tables[0]), np.int64)))
    return pa.table({name: columns_by_name[name] for name in columns})
