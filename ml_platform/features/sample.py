"""Values of a feature table at some of its ticks: what pictures and null shares are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from ml_platform.clock import MICROSECOND, to_micros
from ml_platform.code_version import code_version
from ml_platform.engine.functions import epoch_us, instant_of, ticks_up
from ml_platform.errors import FeatureError
from ml_platform.features.feature_log import feature_log
from ml_platform.features.point_in_time import features_at
from ml_platform.features.values import VALID_FROM
from ml_platform.identity import cache_key
from ml_platform.project import Project
from ml_platform.spec.deciding import deciding_part
from ml_platform.store.artifacts import Artifact

TICK = "tick"
_ROWS = 20_000


def sample_values(project: Project, table: str, id: str, rows: int = _ROWS) -> pa.Table:
    """Return a feature table's values at ticks drawn evenly for each entity; the same artefact gives the same sample.

    An entity is looked at from the tick of its first value to that of its last, and no later than its source tells.

    Parameters
    ----------
    id
        The feature table's artefact.
    rows
        How many values are drawn at most. Where there are more entities, as many of them are drawn, evenly.

    Returns
    -------
    The entity's key, ``tick`` (UTC) and the features, sorted by tick and key.

    Raises
    ------
    FeatureError
        Where the artefact was made by an earlier declaration.
    ArtifactMissing, ArtifactDamaged
    """
    artifact = project.store.get("feature_table", id)
    _require_as_declared(project, table, artifact)
    spec = project.spec.feature_tables[table]
    keys = project.spec.file.entities[spec.entity]
    step = spec.refresh // MICROSECOND
    with project.engine() as engine:
        log = feature_log(engine, project.store, artifact, "sampled_log")
        until = -(-_last_known(project, artifact) // step)
        stretches = engine.run(_stretches(log, keys, step, until))
        points = engine.arrow("sample_points", _points(stretches, keys, step, spec.publish_delay, id, rows))
        found = features_at(log, spec, points, keys={key: key for key in keys}, instant="_at", columns=[*spec.columns])
        values = {column: found[f"{table}.{column}"] for column in spec.columns}
        named = found.select(*keys, **{TICK: instant_of(found["_tick_at"])}, **values)
        return engine.run(named.order_by([TICK, *keys]))


def _require_as_declared(project: Project, table: str, artifact: Artifact) -> None:
    declared = deciding_part(project.spec, "feature_table", table)
    key = cache_key("feature_table", declared, code_version("feature_table"), {"source": artifact.inputs["source"]})
    found = project.store.find("feature_table", key)
    if found is None or found.id != artifact.id:
        raise FeatureError(
            f"feature table {table}: {artifact.short_id} was made by an earlier declaration. "
            f"Materialise features/{table} again."
        )


def _last_known(project: Project, artifact: Artifact) -> int:
    """Return when the source's newest row became known; what the log holds after that only leaves windows."""
    source = project.store.get("source", artifact.inputs["source"])
    return to_micros(datetime.fromisoformat(source.about["known"][1]))


def _stretches(log: Any, keys: Sequence[str], step: int, until: int) -> Any:
    """Return each entity with the first and the last tick, counted from 1970, at which it is looked at."""
    ticks = log.mutate(_count=ticks_up(epoch_us(log[VALID_FROM]), step))
    ticks = ticks.filter(ticks["_count"] <= until)
    return (
        ticks.group_by(list(keys)).agg(_first=ticks["_count"].min(), _last=ticks["_count"].max()).order_by(list(keys))
    )


def _points(stretches: pa.Table, keys: Sequence[str], step: int, delay: timedelta, id: str, rows: int) -> pa.Table:
    """Draw ticks of every entity, or of evenly spaced ones, each pair once."""
    count = stretches.num_rows
    entities = np.arange(rows if count else 0) % max(count, 1) if count <= rows else np.arange(rows) * count // rows
    first, last = (stretches[name].to_numpy()[entities].astype(np.int64) for name in ("_first", "_last"))
    ticks = np.random.default_rng(int(id[:16], 16)).integers(first, last + 1)
    entities, ticks = np.unique(np.column_stack([entities, ticks]), axis=0).T if count else (entities, ticks)
    found = stretches.select(list(keys)).take(pa.array(entities, pa.int64()))
    at = ticks * step
    return found.append_column("_tick_at", pa.array(at)).append_column("_at", pa.array(at + delay // MICROSECOND))
