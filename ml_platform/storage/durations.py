"""How long making took, node by node, so that a plan can estimate how long it will take."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.tables import METADATA, UNBOUND, Instant

_LAST = 10

DURATIONS = sa.Table(
    "durations",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("node", sa.String(200), nullable=False, index=True),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("at", Instant, nullable=False),
    info={UNBOUND: "how long work took serves estimates of a plan, and no claim rests on it"},
)

WORK = sa.Table(
    "work",
    METADATA,
    sa.Column("duration", sa.Integer, sa.ForeignKey("durations.seq"), primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    info={UNBOUND: "how much work there was serves estimates of a plan, and no claim rests on it"},
)
"""How many rows were worked on, where that decides how long it takes."""


def record_duration(
    database: Database, node: str, took: timedelta, *, run: str, at: datetime, rows: int | None = None
) -> None:
    """Record how long `node` took to make something in `run`; what was only found again is not recorded.

    Parameters
    ----------
    rows
        How many rows it worked on, where that decides how long it takes.
    """
    row = {"node": node, "run": run, "seconds": took.total_seconds(), "at": at}
    with database.writing() as connection:
        seq = connection.execute(sa.insert(DURATIONS).values(row)).inserted_primary_key[0]  # type: ignore[index]
        if rows is not None:
            connection.execute(sa.insert(WORK).values(duration=seq, rows=rows))


def usual_duration(database: Database, node: str) -> timedelta | None:
    """Return how long `node` usually takes: the median of the last ten times that it made something; None before."""
    query = sa.select(DURATIONS.c.seconds).where(DURATIONS.c.node == node).order_by(DURATIONS.c.seq.desc()).limit(_LAST)
    with database.reading() as connection:
        seconds = connection.scalars(query).all()
    return timedelta(seconds=median(seconds)) if seconds else None


def expected_duration(database: Database, node: str, rows: int, of: int) -> timedelta | None:
    """Return about how long `node` takes to work on some rows; None where it was never made.

    It is in proportion to that of the last ten times whose number of rows was the most like it, by their ratio. Where
    no number was recorded, the usual duration is returned for any number of rows.

    Parameters
    ----------
    of
        How many rows there are in all.
    """
    query = (
        sa.select(DURATIONS.c.seconds, WORK.c.rows)
        .join(WORK, WORK.c.duration == DURATIONS.c.seq)
        .where((DURATIONS.c.node == node) & (WORK.c.rows > 0))
        .order_by(DURATIONS.c.seq.desc())
        .limit(_LAST)
    )
    with database.reading() as connection:
        known = [(row.seconds, row.rows) for row in connection.execute(query)]
    if known:
        seconds, likest = min(known, key=lambda item: max(item[1], rows) / max(min(item[1], rows), 1))
        return timedelta(seconds=seconds * rows / likest)
    usual = usual_duration(database, node)
    return usual and usual * (rows / of if of else 1)
