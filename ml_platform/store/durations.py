"""How long making took, node by node, so that a plan can say about how long it will take."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa

from ml_platform.store.database import METADATA, Database, Instant

_LAST = 10

DURATIONS = sa.Table(
    "durations",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("node", sa.String(200), nullable=False, index=True),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("at", Instant, nullable=False),
)


def record_duration(database: Database, node: str, took: timedelta, *, run: str, at: datetime) -> None:
    """Record how long `node` took to make something in `run`; what was only found again is not recorded."""
    row = {"node": node, "run": run, "seconds": took.total_seconds(), "at": at}
    with database.writing() as connection:
        connection.execute(sa.insert(DURATIONS).values(row))


def usual_duration(database: Database, node: str) -> timedelta | None:
    """Return how long `node` usually takes: the median of the last ten times that it made something; None before."""
    query = sa.select(DURATIONS.c.seconds).where(DURATIONS.c.node == node).order_by(DURATIONS.c.seq.desc()).limit(_LAST)
    with database.reading() as connection:
        seconds = connection.scalars(query).all()
    return timedelta(seconds=median(seconds)) if seconds else None
