"""Building a feature table: from the chunks of its source's log to cells, each computed once.

A table lists the cells of every chunk. New rows are new chunks, so that a day costs a day; a row that is replaced
changes the state of its own chunk only; a new feature adds its parts and leaves the others where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.canonical_order import sorted_by
from ml_platform.core.clock import EPOCH, MICROSECOND
from ml_platform.core.engines import Engine
from ml_platform.core.engines.exact_sums import is_any, narrowed
from ml_platform.core.errors import ValueTooLarge, too_large
from ml_platform.core.hashing import cache_key, content_id, format_instant, frame_id
from ml_platform.declarations.aggregates import PartialAggregate
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.resolve import feature_type
from ml_platform.declarations.user_code.version import code_version
from ml_platform.features.tile_index import CellObject, find_cells, record_cells
from ml_platform.features.tiles import (
    EVENT_UNIT,
    KNOWN_FROM,
    KNOWN_UNTIL,
    Grain,
    base_columns,
    cells_of,
    table_parts,
)
from ml_platform.project import Project
from ml_platform.sources.source_log import CHUNK, FOREVER, chunk_states, numbered_versions
from ml_platform.storage.artifact_kinds.feature_table import BASE, CellChunk, FeatureTableManifest, stored_columns
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.chunks import at_once
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.parquet import parquet_bytes

_ROWS_AT_ONCE = 2_000_000


def build_feature_table(project: Project, name: str, source_id: str) -> Materialized:
    """Compute what a feature table still needs of one state of its source.

    Parameters
    ----------
    source_id
        The source artifact to compute from.

    Returns
    -------
    Materialized
        An artifact of kind ``feature_table``; equal source and declaration give the same one.

    Raises
    ------
    FeatureError
        Where a value is too large for exact sums.
    """
    declared, key = deciding_part(project.spec, "feature_table", name), table_key(project, name, source_id)
    table = project.store.find("feature_table", key)
    if table is not None:
        return Materialized(table, reused=True)
    try:
        return Materialized(_Builder(project, name, source_id).build(key, declared), reused=False)
    except ValueTooLarge as error:
        raise too_large(f"feature table {name}", error) from None


def table_key(project: Project, name: str, source_id: str) -> str:
    """Return the key of a feature table made from one state of its source."""
    declared = deciding_part(project.spec, "feature_table", name)
    return cache_key("feature_table", declared, code_version("feature_table"), {"source": source_id})


@dataclass(frozen=True)
class Pending:
    """What a feature table still needs of one state of its source.

    Attributes
    ----------
    missing
        For each chunk of the source to read, the columns of cells to compute.
    rows
        How many rows those chunks hold.
    """

    missing: Mapping[str, tuple[str, ...]]
    rows: int

    @property
    def chunks(self) -> tuple[str, ...]:
        """Chunks of the source to read."""
        return tuple(self.missing)

    @property
    def parts(self) -> tuple[str, ...]:
        """Columns of cells to compute in any of the chunks."""
        return tuple(dict.fromkeys(part for wanted in self.missing.values() for part in wanted))


def pending_cells(project: Project, name: str, source_id: str) -> Pending:
    """Return what building a feature table would compute."""
    builder = _Builder(project, name, source_id)
    missing = builder.missing()
    return Pending(missing, sum(builder.rows[chunk] for chunk in missing))


class _Builder:
    def __init__(self, project: Project, name: str, source_id: str) -> None:
        self._project, self._name = project, name
        self._spec = project.spec.feature_tables[name]
        self._source = project.store.get("source", source_id)
        self._grain = Grain.of(self._spec, project.spec.file.entities[self._spec.entity])
        self._parts = table_parts(self._spec, project.spec.sources[self._spec.source])
        self.rows = {chunk.name: chunk.rows for chunk in SourceManifest.of(self._source).chunks}
        states = enumerate(chunk_states(self._source).items())
        self._chunk_keys = {chunk: content_id([number, state]) for number, (chunk, state) in states}
        code, grain = code_version("feature_table"), self._grain
        cell = [list(grain.keys), grain.where, grain.unit, grain.step, code]
        self._part_keys = {column: content_id([*cell, column]) for column in (BASE, *self._parts)}
        known = find_cells(project.database, list(self._part_keys.values()), list(self._chunk_keys.values()))
        gone = {item for item in {cells.stored for cells in known.values()} if not project.store.holds(item)}
        self._known_cells = {at: item for at, item in known.items() if item.stored not in gone}

    def missing(self) -> dict[str, tuple[str, ...]]:
        """Return the columns to compute by chunk, without chunks that have them all."""
        wanted = {
            chunk: tuple(column for column in self._part_keys if self._at(chunk, column) is None)
            for chunk in self._chunk_keys
        }
        return {chunk: columns for chunk, columns in wanted.items() if columns}

    def _at(self, chunk: str, column: str) -> CellObject | None:
        return self._known_cells.get((self._part_keys[column], self._chunk_keys[chunk]))

    def build(self, key: str, declared: Mapping[str, Any]) -> Artifact:
        with self._project.engine() as engine:
            for chunks, columns in self._batches():
                parts = {column: self._parts[column] for column in columns if column != BASE}
                new = dict(self._compute(engine, chunks, parts, columns))
                record_cells(self._project.database, new)
                self._known_cells |= new
        return self._write(key, declared)

    # Computing -------------------------------------------------------------

    def _batches(self) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        """Yield chunks that miss the same columns, a bounded number of rows at once."""
        by_columns: dict[tuple[str, ...], list[str]] = {}
        for chunk, columns in self.missing().items():
            by_columns.setdefault(columns, []).append(chunk)
        for columns, chunks in by_columns.items():
            batch: list[str] = []
            for chunk in chunks:
                if batch and sum(self.rows[item] for item in (*batch, chunk)) > _ROWS_AT_ONCE:
                    yield batch, columns
                    batch = []
                batch.append(chunk)
            yield batch, columns

    def _compute(
        self, engine: Engine, chunks: Sequence[str], parts: Mapping[str, PartialAggregate], columns: Sequence[str]
    ) -> Iterator[tuple[tuple[str, str], CellObject]]:
        rows = numbered_versions(engine, self._project.store, self._source, chunks, "source_rows")
        cells = sorted_by(cells_of(engine, rows, self._grain, parts), base_columns(self._grain))
        for objects in at_once(lambda item: self._store(*item, columns), self._by_chunk(cells, chunks)):
            yield from objects.items()

    def _store(self, chunk: str, cells: pa.Table, columns: Sequence[str]) -> dict[tuple[str, str], CellObject]:
        """Store the cells of a chunk in one object, and return it for each of its columns; zeros are not stored."""
        zeros = {column for column in columns if self._is_zero(cells, column)}
        kept = [name for name in cells.column_names if name not in zeros]
        cells = pa.table({name: narrowed(cells[name]) if self._is_limb(name) else cells[name] for name in kept})
        steady = [name for name in kept if not self._is_limb(name) and pa.types.is_int64(cells[name].type)]
        stored, facts = self._project.store.put(parquet_bytes(cells, steady)), self._facts(cells)
        base, objects = base_columns(self._grain), dict[tuple[str, str], CellObject]()
        for column in columns:
            of_column = cells.select([] if column in zeros else stored_columns(column, base))
            about = {"zero": True} if column in zeros else facts
            objects[self._part_keys[column], self._chunk_keys[chunk]] = CellObject(frame_id(of_column), stored, about)
        return objects

    def _by_chunk(self, cells: pa.Table, chunks: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
        numbers = {chunk: number for number, chunk in enumerate(self._chunk_keys)}
        chunk_numbers = cells[CHUNK].to_numpy()
        for chunk in chunks:
            start, end = chunk_numbers.searchsorted([numbers[chunk], numbers[chunk] + 1])
            yield chunk, cells.slice(int(start), int(end - start))

    def _facts(self, cells: pa.Table) -> dict[str, Any]:
        """Return the cells of a chunk in figures: microseconds since 1970 UTC, None where there is no cell."""
        events, known = (pc.min_max(cells[column]).as_py() for column in (EVENT_UNIT, KNOWN_FROM))
        some = cells.num_rows > 0
        return {
            "rows": cells.num_rows,
            "events": [events[end] * self._grain.unit for end in ("min", "max")] if some else None,
            "known": [known[end] * self._grain.step for end in ("min", "max")] if some else None,
            "prompt": bool(
                (-(-cells[EVENT_UNIT].to_numpy() // self._grain.units) >= cells[KNOWN_FROM].to_numpy()).all()
            ),
            "replaced": some and pc.min(cells[KNOWN_UNTIL]).as_py() < FOREVER,
        }

    def _is_zero(self, cells: pa.Table, name: str) -> bool:
        """Return whether digits of floats are zero in every cell."""
        return self._is_limb(name) and (name not in cells.column_names or not is_any(cells[name]))

    def _is_limb(self, name: str) -> bool:
        return name in self._parts and self._parts[name].limb is not None

    # Writing ---------------------------------------------------------------

    def _write(self, key: str, declared: Mapping[str, Any]) -> Artifact:
        objects, chunks = {}, list[CellChunk]()
        zeros = {column for column, part in self._parts.items() if part.limb is not None}
        for chunk in self._chunk_keys:
            cells = {
                column: self._known_cells[part, self._chunk_keys[chunk]] for column, part in self._part_keys.items()
            }
            names: dict[str, tuple[str, ...]] = {}
            zero = {column for column, item in cells.items() if item.facts.get("zero")}
            cells = {column: item for column, item in cells.items() if column not in zero}
            for column, item in cells.items():
                name = f"{chunk}/{item.stored.sha256[:16]}"
                objects[name] = item.stored
                names[name] = (*names.get(name, ()), column)
            ids = {column: item.id for column, item in cells.items()}
            chunks.append(CellChunk(name=chunk, objects=names, ids=ids, zeros=tuple(sorted(zero)), **cells[BASE].facts))
            zeros &= zero
        columns = {column: feature_type(self._project.spec, f"{self._name}.{column}") for column in self._spec.columns}
        manifest = FeatureTableManifest(
            table=self._name,
            declared=dict(declared),
            columns={**columns},
            rows=sum(chunk.rows for chunk in chunks),
            known=self._range(chunks),
            zeros=tuple(sorted(zeros)),
            chunks=tuple(chunks),
        )
        return self._project.store.add(manifest, key, objects=objects, inputs={"source": self._source.id})

    def _range(self, chunks: Sequence[CellChunk]) -> tuple[str, ...] | None:
        known = [chunk.known for chunk in chunks if chunk.known is not None]
        ends = [min(item[0] for item in known), max(item[1] for item in known)] if known else []
        return tuple(format_instant(EPOCH + end * MICROSECOND) for end in ends) or None
