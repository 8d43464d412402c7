"""Which tick of each feature table is published: the one that training could read, if its source was read since."""

from __future__ import annotations

from datetime import datetime

from ml_platform.core.clock import MICROSECOND, tick_at, tick_number, to_micros
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.last_reading import last_reading
from ml_platform.project import Project


def readable_tick(spec: FeatureTableSpec, now: datetime) -> int:
    """Return the tick that training reads for a question at `now`, in microseconds since 1970 UTC."""
    return to_micros(tick_at(now, spec.refresh, spec.publish_delay))


def published_tick(project: Project, table: str, now: datetime) -> int:
    """Return the tick of a table that is published at `now`.

    Rows that became known by a tick are missing where the table, or a source of it, was read before it. Then the last
    tick before that reading is published: an answer is late, and reports so, but it is never another one than
    training's.
    """
    spec = project.spec.feature_tables[table]
    reading = last_reading(project, NodeName("feature_table", table), now)
    read = tick_number(to_micros(reading), spec.refresh, 0 * MICROSECOND)
    return min(readable_tick(spec, now), read * (spec.refresh // MICROSECOND))


def overdue(spec: FeatureTableSpec, tick: int, now: datetime) -> bool:
    """Return whether a published tick is more than one refresh interval older than the one that training could read."""
    return readable_tick(spec, now) - tick > spec.refresh // MICROSECOND
