"""Features at points that somebody brings: an entity and a time each, by the look-up that makes snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import FrameError, NotMaterialized, listed, suggest
from ml_platform.core.frames import to_frame
from ml_platform.datasets.exclusions import EFFECTIVE
from ml_platform.declarations.joins import Joined, joins_of, joins_through
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import column_types, expand_features
from ml_platform.features.point_in_time import features_at
from ml_platform.models.inputs.columns import InputColumn, read_column
from ml_platform.operations.predictions.sent_rows import TIME, reading_times
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output

_ASKER = "features_at"


def feature_points(
    project: Project, points: pd.DataFrame, now: datetime, features: Sequence[str] = (), model: str | None = None
) -> pd.DataFrame:
    """Return points with features as they could be read then.

    Parameters
    ----------
    points
        Key columns of entities, and ``time``: the instant at which features are read, `now` where there is no such
        column. A snapshot reads the features of a row at its ``effective_time``.
    features
        ``table.column``, or a table for all of its columns; by default every table whose key the points have, or every
        table that the model reads.
    model
        Tables get their keys through the joins of this model, from the columns of its population by their bare names.

    Raises
    ------
    FrameError
        Where a feature is unknown, or the points lack its key.
    NotMaterialized
        Where a feature table was never made.
    PredictionError
        Where a column has another type, or a time is null or after now.
    """
    times = reading_times(points, _ASKER, now)
    by_alias = {joined.alias: joined for joined in _joins(project, model)}
    names = _expanded(features or _default(project.spec, points, by_alias, model), by_alias)
    needed = joins_through(project.spec, project.spec.models[model], names) if model else _used(names, by_alias)
    rows = pa.table({EFFECTIVE: pa.array([to_micros(time.to_pydatetime()) for time in times], pa.int64())})
    made = {joined.table.name: _made(project, joined) for joined in needed}
    with project.engine() as engine:
        for joined in needed:
            rows = _with_keys(project.spec, rows, points, joined, by_alias)
            keys = [key for other in needed for key in other.keys.values()]
            rows = features_at(
                project,
                engine,
                made[joined.table.name],
                rows,
                keys=joined.keys,
                instant=EFFECTIVE,
                columns=_columns(joined.alias, [*names, *keys]),
                called=joined.alias,
            )
    values = to_frame(rows.select(names)).set_index(points.index)
    return pd.concat([points.drop(columns=[name for name in names if name in points]), values], axis=1)


def _joins(project: Project, model: str | None) -> Sequence[Joined]:
    """Return the feature tables that can be asked for, with the columns that hold their keys."""
    spec = project.spec
    if model is None:
        entities = spec.file.entities
        return [Joined(name, it, {key: key for key in entities[it.entity]}) for name, it in spec.feature_tables.items()]
    project.require_model(model)
    return joins_of(spec, spec.models[model])


def _default(spec: ProjectSpec, points: pd.DataFrame, joins: Mapping[str, Joined], model: str | None) -> Sequence[str]:
    """Return what is looked up where nothing is named: the model's features, or tables whose key the points have."""
    if model is not None:
        return [name for name in expand_features(spec, spec.models[model]) if name.partition(".")[0] in joins]
    names = [alias for alias, joined in joins.items() if set(joined.keys.values()) <= set(points)]
    if not names:
        keys = sorted({" and ".join(joined.keys.values()) for joined in joins.values()})
        raise FrameError(
            f"{_ASKER}: the points have {listed(map(str, points))}, which is the key of no feature table. "
            f"Give a key ({listed(keys)}) and {TIME}."
        )
    return names


def _expanded(features: Iterable[str], joins: Mapping[str, Joined]) -> list[str]:
    """Return features as ``table.column``, each once."""
    known = {alias: [f"{alias}.{name}" for name in joined.table.columns] for alias, joined in joins.items()}
    known |= {name: [name] for names in list(known.values()) for name in names}
    for feature in features:
        if feature not in known:
            raise FrameError(f"{_ASKER}: there is no feature {feature!r}. {suggest(feature, known)}")
    return list(dict.fromkeys(name for feature in features for name in known[feature]))


def _used(names: Iterable[str], joins: Mapping[str, Joined]) -> Sequence[Joined]:
    return [joins[alias] for alias in dict.fromkeys(name.partition(".")[0] for name in names)]


def _columns(alias: str, names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(column for owner, _, column in (n.partition(".") for n in names) if owner == alias))


def _made(project: Project, joined: Joined) -> Artifact:
    node = NodeName("feature_table", joined.table.name)
    id = current_output(project.database, node)
    if id is None:
        raise NotMaterialized(_ASKER, node)
    return project.store.get("feature_table", id)


def _with_keys(
    spec: ProjectSpec, rows: pa.Table, points: pd.DataFrame, joined: Joined, joins: Mapping[str, Joined]
) -> pa.Table:
    """Return rows with the key of a table; keys that other tables give are there already."""
    types = column_types(spec.sources[joined.table.source])
    for key, name in joined.keys.items():
        owner, _, bare = name.rpartition(".")
        if owner in joins or name in rows.column_names:
            continue
        if bare not in points:
            raise FrameError(f"{_ASKER}: the points lack {bare}, the key of {joined.alias}. Add the column.")
        values = read_column(points[bare], InputColumn(bare, types[key]))
        rows = rows.append_column(name, pa.Array.from_pandas(values).cast(TYPES[types[key]]))
    return rows
