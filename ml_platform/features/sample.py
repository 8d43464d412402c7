"""Values of a feature table at some of its ticks: to look at, and to hold against expectations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.features.point_in_time import features_at
from ml_platform.features.tile_store import StoredCells
from ml_platform.features.tiles import EVENT_UNIT, KNOWN_FROM, Grain
from ml_platform.project import Project
from ml_platform.sources.conform import LAST
from ml_platform.storage.artifact_kinds.feature_table import CellChunk, FeatureTableManifest
from ml_platform.storage.manifest import Artifact

TICK = "tick"
_INSTANT = "_instant"


def sample_values(project: Project, table: str, id: str, rows: int = 20_000) -> pa.Table:
    """Return values of a feature table at ticks drawn evenly for each entity, from the first to the last of its rows.

    Ticks at which rows came in would not do: hardly any value is null there, and every time since the last row short.

    Returns
    -------
    pyarrow.Table
        At most `rows` rows, the same for the same artifact, sorted by ``tick`` and key. Columns: the entity's key,
        ``tick`` (the refresh tick, UTC), the features.
    """
    artifact = project.store.get("feature_table", id)
    asked = _asked(project, table, artifact, FeatureTableManifest.of(artifact).chunks)
    return _values(project, table, artifact, _drawn(asked, _grain(project, table), id, rows))


def newest_values(project: Project, table: str, id: str, rows: int = 100_000) -> pa.Table:
    """Return values of a feature table at the newest ticks at which rows came in; shaped as `sample_values`."""
    artifact = project.store.get("feature_table", id)
    chosen: list[CellChunk] = []
    for chunk in reversed(FeatureTableManifest.of(artifact).chunks):
        chosen.append(chunk)
        if sum(item.rows for item in chosen) >= rows:
            break
    asked = _asked(project, table, artifact, chosen)
    return _values(project, table, artifact, asked.slice(max(len(asked) - rows, 0)))


def _asked(project: Project, table: str, artifact: Artifact, chunks: Sequence[CellChunk]) -> pa.Table:
    """Return the entities of cells with the ticks at which they enter, each once, sorted by tick and key."""
    grain = _grain(project, table)
    stored = StoredCells(project.store, artifact, grain, [chunk for chunk in chunks if chunk.rows])
    cells = stored.read([*grain.keys, EVENT_UNIT, KNOWN_FROM])
    happened = -(-cells[EVENT_UNIT].to_numpy() // grain.units)
    ticks = np.maximum(happened, cells[KNOWN_FROM].to_numpy())
    delay = project.spec.feature_tables[table].publish_delay
    instant = pa.array(ticks * grain.step + delay // MICROSECOND, pa.int64())
    exists = pc.less_equal(instant, to_micros(LAST))  # a row of the year 9999 may enter at a tick of the year 10000
    asked = cells.select(list(grain.keys)).append_column(_INSTANT, instant).filter(exists)
    once = asked.group_by(asked.column_names).aggregate([])
    return once.sort_by([(name, "ascending") for name in (_INSTANT, *grain.keys)])


def _drawn(asked: pa.Table, grain: Grain, id: str, rows: int) -> pa.Table:
    """Draw ticks for every entity, or for evenly spaced ones where there are more of them than rows, each pair once."""
    ends = asked.group_by(list(grain.keys)).aggregate([(_INSTANT, "min"), (_INSTANT, "max")])
    ends = ends.sort_by([(key, "ascending") for key in grain.keys])
    count = len(ends)
    entities = np.arange(rows if count else 0) % max(count, 1) if count < rows else np.arange(rows) * count // rows
    first, last = (ends[f"{_INSTANT}_{end}"].to_numpy()[entities] for end in ("min", "max"))
    later = np.random.default_rng(int(id[:16], 16)).integers(0, (last - first) // grain.step + 1)
    pairs = np.unique(np.column_stack([entities, first + later * grain.step]), axis=0)
    questions = ends.select(list(grain.keys)).take(pa.array(pairs[:, 0]))
    return questions.append_column(_INSTANT, pa.array(pairs[:, 1]))


def _grain(project: Project, table: str) -> Grain:
    spec = project.spec.feature_tables[table]
    return Grain.of(spec, project.spec.file.entities[spec.entity])


def _values(project: Project, table: str, artifact: Artifact, asked: pa.Table) -> pa.Table:
    spec, keys = project.spec.feature_tables[table], _grain(project, table).keys
    same, columns = {key: key for key in keys}, list(spec.columns)
    with project.engine() as engine:
        looked_up = features_at(project, engine, artifact, asked, keys=same, instant=_INSTANT, columns=columns)
    tick = pc.subtract(looked_up[_INSTANT], spec.publish_delay // MICROSECOND).cast(pa.timestamp("us", "UTC"))
    values = {column: looked_up[f"{table}.{column}"] for column in columns}
    named = pa.table({**{key: looked_up[key] for key in keys}, TICK: tick, **values})
    return named.sort_by([(name, "ascending") for name in (TICK, *keys)])
