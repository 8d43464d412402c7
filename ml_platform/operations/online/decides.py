"""What decides the content of the online store, so that nothing is computed where the same was published before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from ml_platform.core.clock import MICROSECOND, from_micros, tick_at, to_micros
from ml_platform.core.hashing import content_id
from ml_platform.operations.online.content import (
    EntityContent,
    RowContent,
    TableContent,
    contents_of,
    layout_id,
    tables_of,
)
from ml_platform.operations.online.populations import PopulationRecords
from ml_platform.operations.online.ticks import published_tick
from ml_platform.project import Project
from ml_platform.sources.source_log import known_by
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.online.description import PublishedCapacity

_HOUR = timedelta(hours=1)


def publication_key(
    project: Project,
    contents: Sequence[EntityContent],
    inputs: Mapping[str, str],
    now: datetime,
    capacities: Mapping[str, PublishedCapacity],
    populations: Sequence[PopulationRecords],
) -> str:
    """Return what decides a publication: equal keys, equal records.

    Of each table its tick, its declaration, and the rows that were known at the tick: later ones change
    nothing. Of the rows of a population the source, and until when its rows count.
    """
    tables, rows = [item for one in contents for item in one.tables], [item for one in contents for item in one.rows]
    return content_id(
        {
            "layout": layout_id(contents),
            "tables": {item.name: _of_table(project, item, inputs, now) for item in tables},
            "rows": {item.model: [inputs[item.node], rows_until(project, item, inputs, now)] for item in rows},
            "conditions": {item.model: list(project.spec.models[item.model].population.conditions) for item in rows},
            "populations": {item.model.name: item.key for item in populations},
            **({"capacities": msgspec.to_builtins(capacities)} if capacities else {}),
        }
    )


def _of_table(project: Project, item: TableContent, inputs: Mapping[str, str], now: datetime) -> list[object]:
    tick = published_tick(project, item.name, now)
    artifact = project.store.get("feature_table", inputs[item.node])
    declared = FeatureTableManifest.of(artifact).declared
    source = artifact.inputs.get("source")
    if declared is None or source is None:
        return [tick, artifact.id]
    return [tick, content_id(declared), known_by(project.store.get("source", source), from_micros(tick))]


def rows_until(project: Project, item: RowContent, inputs: Mapping[str, str], now: datetime) -> int:
    """Return until when rows of a population count, in microseconds since 1970 UTC.

    Where all rows are known by now, that is when the last became known. Rows that are known ahead become known all the
    time: they are published together with the ticks of the feature table that is refreshed most often.
    """
    last = SourceManifest.of(project.store.get("source", inputs[item.node])).newest
    if last is None or datetime.fromisoformat(last) <= now:
        return to_micros(datetime.fromisoformat(last)) if last else 0
    tables = (project.spec.feature_tables[name] for name in tables_of(contents_of(project.spec)))
    times = min(((table.refresh, table.publish_delay) for table in tables), default=(_HOUR, 0 * MICROSECOND))
    return to_micros(tick_at(now, *times) + times[1])
