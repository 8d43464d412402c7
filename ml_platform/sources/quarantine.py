"""The quarantine of a source: its dirty rows as of each ingest, and rows that failed a check, kept for people.

An ingest replaces the dirty rows of the parts that it read. Those of parts that it did not read stay open, and so do
those of a file that is gone, or below a cursor, until a clean row with their key comes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml_platform.core.clock import to_micros
from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import instant_of, row_hash
from ml_platform.core.errors import TooManyDirtyRows
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.declarations.dirty_rows import percent_text
from ml_platform.declarations.row_policies import limit_of
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import Project
from ml_platform.sources.dirty_rows import (
    CELLS,
    COLUMN,
    DIRTY,
    HANDLED,
    LINE,
    NULLED,
    NUMBER,
    PART,
    REASON,
    TEXT,
    counts_in,
)
from ml_platform.sources.ingest_history import last_ingest
from ml_platform.sources.log_writer import CHUNK_ROWS
from ml_platform.sources.new_rows import NewRows
from ml_platform.sources.read_changed import READ
from ml_platform.sources.staging import Staging
from ml_platform.sources.upstream import Upstream, UpstreamNote, count_of, read_upstream
from ml_platform.storage.artifact_kinds.quarantine import QuarantineManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.chunks import in_order, read_chunks, store_chunk
from ml_platform.storage.manifest import Artifact, StoredObject

SINCE = "_since"
"""The ingest that first refused a row, which was dirty in the same way in each ingest after it."""
_SHOWN = 3
_Stored = tuple[str, str, StoredObject]


@dataclass(frozen=True)
class DirtyRows:
    """What is dirty in a source as of an ingest.

    Attributes
    ----------
    artifact
        The rows; None where there are none.
    parts
        How many rows are in quarantine, and how many were ingested without a value, by part.
    """

    artifact: Artifact | None = None
    parts: Sequence[tuple[str, str, int]] = ()

    def beside(self, upstream: Upstream, last: Upstream, now: datetime, merged: int) -> Upstream:
        """Return what is known of a source with its dirty rows; `last` is as of the ingest before."""
        return replace(
            upstream,
            quarantined=self._count(last, now, nulled=False),
            nulled=self._count(last, now, nulled=True),
            dirty=self.artifact.id if self.artifact else None,
            merged=merged,
        )

    def _count(self, last: Upstream, now: datetime, *, nulled: bool) -> UpstreamNote:
        parts = [(part, rows) for part, handled, rows in self.parts if (handled == NULLED) == nulled]
        before = last.nulled if nulled else last.quarantined
        return count_of(before, sum(rows for _, rows in parts), now, [part for part, _ in parts])


def require_few(engine: DuckDB, staging: Staging, spec: SourceSpec, read: int, dirty: int) -> None:
    """Raise where more of the rows that were read are dirty than the source accepts.

    Parameters
    ----------
    read, dirty
        How many rows were read, and how many of them are dirty.

    Raises
    ------
    TooManyDirtyRows
        With the most frequent reasons, and a row for each.
    """
    limit = limit_of(spec)
    if dirty <= math.ceil(limit * read - 1e-9):
        return
    rows = staging.table(DIRTY)
    counted = rows.group_by([COLUMN, REASON]).aggregate(
        rows=rows.count(), **{name: rows[name].first() for name in (PART, NUMBER, LINE, CELLS, TEXT)}
    )
    worst = engine.run(counted.order_by([ibis.desc("rows"), COLUMN, REASON]).limit(_SHOWN)).to_pylist()
    raise TooManyDirtyRows(spec.name, read, dirty, percent_text(limit), [_reason_text(row) for row in worst])


def _reason_text(row: dict[str, Any]) -> str:
    column = f" in {row[COLUMN]}" if row[COLUMN] else ""
    line = f" (line {row[LINE]})" if row[LINE] else ""
    shown = (row[CELLS] or row[TEXT] or "")[:80]
    return f"{row['rows']:,} {row[REASON]}{column}, such as {row[PART]}: row {row[NUMBER]}{line} {shown}".rstrip()


def settle_dirty_rows(
    engine: DuckDB,
    staging: Staging,
    store: ArtifactStore,
    spec: SourceSpec,
    now: datetime,
    last: Artifact | None,
    read: Collection[str],
    present: Collection[str],
    dropped: tuple[Sequence[str], npt.NDArray[np.int64]],
) -> DirtyRows:
    """Store the dirty rows of a source as of an ingest: those that it read, and those that stay open.

    Parameters
    ----------
    last
        The dirty rows as of the ingest before.
    read, present
        Names of the parts that were read from their beginning, and of all parts.
    dropped
        Parts and numbers of the rows that were left out because others share their key and known-at: of these none
        was ingested without a value.
    """
    rows = staging.table(DIRTY)
    if len(dropped[1]):
        places = engine.arrow("dropped_places", pa.table({PART: pa.array(dropped[0], pa.string()), NUMBER: dropped[1]}))
        ingested = rows.filter(rows[HANDLED] == NULLED).anti_join(places, [PART, NUMBER])
        rows = rows.filter(rows[HANDLED] != NULLED).union(ingested)
    rows = rows.mutate(**{SINCE: instant_of(ibis.literal(to_micros(now), "int64"))})
    if last is not None:
        before = _read(engine, store, last)
        rows = _since_first(spec, rows, before).union(_still_open(spec, staging.table(READ), before, read, present))
    rows = staging.keep("open_dirty_rows", rows)
    by_part = rows.group_by([PART, HANDLED]).aggregate(rows=rows.count())
    parts = [tuple(row.values()) for row in engine.run(by_part.order_by([PART, HANDLED])).to_pylist()]
    return DirtyRows(_stored(engine, store, spec, rows, now) if parts else None, parts)


def _read(engine: DuckDB, store: ArtifactStore, dirty: Artifact) -> Any:
    return engine.parquet("dirty_before", [store.local_path(stored) for _, stored in sorted(dirty.objects.items())])


def _since_first(spec: SourceSpec, rows: Any, before: Any) -> Any:
    """Return dirty rows, each with the ingest that first refused it as it is."""
    first = before.group_by(_same=_sameness(spec, before)).aggregate(_first=before[SINCE].min())
    joined = rows.mutate(_same=_sameness(spec, rows)).left_join(first, "_same")
    return joined.select(*rows.columns[:-1], **{SINCE: ibis.coalesce(joined["_first"], joined[SINCE])})


def _sameness(spec: SourceSpec, rows: Any) -> Any:
    return row_hash([rows[name] for name in (PART, COLUMN, REASON, CELLS, TEXT, HANDLED, *spec.columns)])


def _still_open(spec: SourceSpec, clean: Any, before: Any, read: Collection[str], present: Collection[str]) -> Any:
    """Return the dirty rows of before that this ingest could not see again, and whose key no clean row has."""
    if spec.replaces_parts:  # other parts hold what a part held that is gone
        before = before.filter(before[PART].isin(sorted(present)))
    if spec.reader.cursor is None:
        before = before.filter(before[PART].notin(sorted(read)))
        gone = before[PART].notin(sorted(present))
        here, before = before.filter(~gone), before.filter(gone)
        return here.union(_without_clean(spec, clean, before))
    return _without_clean(spec, clean, before)


def _without_clean(spec: SourceSpec, clean: Any, rows: Any) -> Any:
    no_key = reduce(or_, [rows[name].isnull() for name in spec.key])
    return rows.filter(no_key).union(rows.filter(~no_key).anti_join(clean, list(spec.key)))


def _stored(engine: DuckDB, store: ArtifactStore, spec: SourceSpec, rows: Any, now: datetime) -> Artifact:
    ordered = rows.order_by([PART, NUMBER, SINCE, COLUMN, CELLS, TEXT, *spec.key])
    chunks = _stored_chunks(store, engine.batches(ordered, CHUNK_ROWS), "rows.{:06d}".format)
    ids = tuple(id for _, id, _ in chunks)
    counts = counts_in(engine.batches(rows.select(REASON, HANDLED, COLUMN)))
    total = sum(count.rows for count in counts)
    manifest = QuarantineManifest(source=spec.name, rows=total, at=format_instant(now), ids=ids, dirty=counts)
    key = content_id(["dirty rows", spec.name, ids])
    return store.add(manifest, key, objects={name: stored for name, _, stored in chunks})


def keep_refused_rows(store: ArtifactStore, source: str, new: NewRows, now: datetime) -> None:
    """Write the rows of a refused ingest as an artifact of kind ``quarantine``."""
    batches = new.engine.batches(new.declared_rows(), CHUNK_ROWS)
    chunks = _stored_chunks(store, batches, lambda number: f"rows.{number}" if number > 1 else "rows")
    id = content_id([id for _, id, _ in chunks])
    manifest = QuarantineManifest(source=source, rows=new.count, at=format_instant(now))
    store.add(manifest, id, objects={name: stored for name, _, stored in chunks}, id=id)


def _stored_chunks(
    store: ArtifactStore, batches: Iterable[pa.RecordBatch], name: Callable[[int], str]
) -> list[_Stored]:
    """Store rows as they come, and return name, id and object of each chunk: not all rows may be held at once."""
    parts = ((name(number), pa.Table.from_batches([batch])) for number, batch in enumerate(batches, 1))
    return [(chunk.name, chunk.id, chunk.stored) for chunk in in_order(lambda part: store_chunk(store, *part), parts)]


def dirty_rows(project: Project, source: str) -> pa.Table | None:
    """Return the open dirty rows of a source as of its last ingest, in the order of their places; None for none.

    Beside the declared columns there are those of `ml_platform.sources.dirty_rows.ABOUT`, and `SINCE`.
    """
    ingest = last_ingest(project.database, source)
    id = read_upstream(ingest.upstream).dirty if ingest is not None else None
    if id is None:
        return None
    artifact = project.store.get("quarantine", id)
    return read_chunks(project.store, [stored for _, stored in sorted(artifact.objects.items())])
