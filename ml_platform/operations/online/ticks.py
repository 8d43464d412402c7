"""Which tick of each feature table is published: the one that training could read, if its source was read since."""

from __future__ import annotations

from datetime import datetime

from ml_platform.core.clock import MICROSECOND, tick_at, tick_number, to_micros
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.outputs import partition_instants


def readable_tick(spec: FeatureTableSpec, now: datetime) -> int:
    """Return the tick that training reads for a question at `now`, in microseconds since 1970 UTC."""
    return to_micros(tick_at(now, spec.refresh, spec.publish_delay))


def published_tick(project: Project, table: str, now: datetime) -> int:
    """Return the tick of a table that is published at `now`.

    Rows that became known by a tick are missing where the source was read before it. Then the last tick before
    that reading is published: an answer is late, and reports so, but it is never another one than training's.
    """
    spec = project.spec.feature_tables[table]
    read = tick_number(to_micros(last_reading(project, spec.source, now)), spec.refresh, 0 * MICROSECOND)
    return min(readable_tick(spec, now), read * (spec.refresh // MICROSECOND))


def last_reading(project: Project, source: str, now: datetime) -> datetime:
    """Return when a source was read last, or a source that it is derived from where that was earlier.

    `now` where no reading is recorded: who reads a source without Dagster knows when.
    """
    read = partition_instants(project.database, NodeName("source", source)).get("", now)
    inputs = project.spec.sources[source].reader.inputs
    return min(now, read, *(last_reading(project, name, now) for name in inputs))


def overdue(spec: FeatureTableSpec, tick: int, now: datetime) -> bool:
    """Return whether a published tick is more than one refresh interval older than the one that training could read."""
    return readable_tick(spec, now) - tick > spec.refresh // MICROSECOND
