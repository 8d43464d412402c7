"""A feature table at a look: some values, nulls and spread of each column, and the history of one entity.

The table is computed from the source as it was ingested last. It becomes the output of no run: nothing that is made
later reads it, unless a run computes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import NotMaterialized, PlatformError, suggest
from ml_platform.core.frames import to_frame
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.features.sample import TICK, newest_values, sample_values
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output

_POINTS = 12


@dataclass(frozen=True)
class ColumnPreview:
    """One feature over a sample of entities and ticks.

    Attributes
    ----------
    missing
        The share of nulls.
    low, median, high
        The 10, 50 and 90 % quantiles of numbers; None for others.
    most
        The most frequent value of others, and its share among those that are not null.
    """

    name: str
    unit: str
    missing: float
    distinct: int
    low: float | None = None
    median: float | None = None
    high: float | None = None
    most: str = ""
    share: float | None = None


@dataclass(frozen=True)
class FeaturePreview:
    """A feature table.

    Attributes
    ----------
    reused
        Whether it had been computed before.
    sampled
        How many values of each column the figures rest on.
    newest
        The newest values at ticks at which rows came in, each with its key and its tick.
    history
        The values of the entity that was asked for, oldest first, each with its instant.
    """

    table: str
    reused: bool
    sampled: int
    columns: tuple[ColumnPreview, ...]
    newest: tuple[Mapping[str, Any], ...]
    history: tuple[Mapping[str, Any], ...] = ()


def preview_features(
    project: Project, name: str, entity: Mapping[str, str], now: datetime, rows: int = 5
) -> FeaturePreview:
    """Return a feature table at a look.

    Parameters
    ----------
    entity
        The values of the key columns, as a person writes them; empty for no history.
    rows
        How many of the newest values to return.

    Raises
    ------
    NotMaterialized, PlatformError
    """
    if name not in project.spec.feature_tables:
        raise PlatformError(f"there is no feature table {name}. {suggest(name, project.spec.feature_tables)}")
    spec = project.spec.feature_tables[name]
    source = NodeName("source", spec.source)
    source_id = current_output(project.database, source)
    if source_id is None:
        raise NotMaterialized(NodeName("feature_table", name), source)
    key = _key(project, spec, entity)
    made = build_feature_table(project, name, source_id)
    sample = sample_values(project, name, made.artifact.id)
    newest = newest_values(project, name, made.artifact.id, rows)
    return FeaturePreview(
        table=name,
        reused=made.reused,
        sampled=sample.num_rows,
        columns=tuple(_column(sample, spec, column) for column in spec.columns),
        newest=tuple(json_value(row) for row in reversed(newest.to_pylist())),
        history=_history(project, spec, made.artifact, key, now) if key else (),
    )


def _key(project: Project, spec: FeatureTableSpec, entity: Mapping[str, str]) -> dict[str, pa.Scalar]:
    """Return the values of an entity's key, in the types of the source."""
    if not entity:
        return {}
    names = project.spec.file.entities[spec.entity]
    for name in entity:
        if name not in names:
            raise PlatformError(f"{name} is no key column of {spec.entity}. {suggest(name, names)}")
    lacking = [name for name in names if name not in entity]
    if lacking:
        needed = ", ".join(lacking)
        raise PlatformError(f"the key of {spec.entity} also needs {needed}. Give each as --entity NAME=VALUE.")
    key = {}
    for name in names:
        kind = project.spec.sources[spec.source].columns[name].type
        try:
            key[name] = pa.scalar(entity[name]).cast(TYPES[kind])
        except pa.ArrowInvalid:
            raise PlatformError(f"{name} must be {kind}, found {entity[name]!r}. Correct --entity.") from None
    return key


def _column(sample: pa.Table, spec: FeatureTableSpec, name: str) -> ColumnPreview:
    values = to_frame(sample.select([name]))[name]
    there = values.dropna()
    unit = spec.features[spec.columns[name][0]].value_unit
    missing = float(values.isna().mean()) if len(values) else 0.0
    if not len(there):
        return ColumnPreview(name, unit, missing, 0)
    if pa.types.is_floating(sample[name].type) or pa.types.is_integer(sample[name].type):
        low, median, high = (float(there.astype("float64").quantile(share)) for share in (0.1, 0.5, 0.9))
        return ColumnPreview(name, unit, missing, there.nunique(), low, median, high)
    counts = there.astype(str).value_counts()
    return ColumnPreview(
        name, unit, missing, len(counts), most=str(counts.index[0]), share=float(counts.iloc[0] / len(there))
    )


def _history(
    project: Project, spec: FeatureTableSpec, artifact: Artifact, key: Mapping[str, pa.Scalar], now: datetime
) -> tuple[Mapping[str, Any], ...]:
    """Return what the features of one entity were at instants spread over the longest window, the last of them now."""
    windows = [window for _, window in spec.columns.values() if window is not None]
    spans = [window.end - window.start for window in windows if window.start is not None]
    step = max([*spans, _POINTS * spec.refresh]) / _POINTS
    times = [now - step * place for place in reversed(range(_POINTS))]
    asked = {name: pa.array([value.as_py()] * _POINTS, value.type) for name, value in key.items()}
    rows = pa.table({**asked, "_at": pa.array([to_micros(time) for time in times], pa.int64())})
    with project.engine() as engine:
        looked_up = features_at(
            project,
            engine,
            artifact,
            rows,
            keys={name: name for name in key},
            instant="_at",
            columns=list(spec.columns),
        )
    values = looked_up.select([f"{spec.name}.{column}" for column in spec.columns]).to_pylist()
    return tuple(
        json_value({TICK: time, **{name.partition(".")[2]: value for name, value in row.items()}})
        for time, row in zip(times, values, strict=True)
    )
