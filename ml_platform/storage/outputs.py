"""Which artifact each node made last, and in which run.

Stages of one run hand each other their ids here, so that a concurrent run cannot
slip its own in between: a node first asks what its input made *in this run*.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import METADATA, Instant

OUTPUTS = sa.Table(
    "outputs",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("node", sa.String(200), nullable=False, index=True),
    sa.Column("partition", sa.String(40), nullable=False, default=""),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sqlite_autoincrement=True,
)


def record_output(
    database: Database, node: str, kind: str, id: str, *, run: str, at: datetime, partition: str = ""
) -> None:
    """Record that `node` made artifact `id` in `run`."""
    with database.writing() as connection:
        row = {"node": node, "partition": partition, "run": run, "kind": kind, "id": id, "at": at}
        insert_row(connection, OUTPUTS, row)


def current_output(database: Database, node: str, *, run: str | None = None, partition: str = "") -> str | None:
    """Return the id that `node` made in `run`, else the last that it made at all, else None."""
    query = (
        sa.select(OUTPUTS.c.id)
        .where((OUTPUTS.c.node == node) & (OUTPUTS.c.partition == partition))
        .order_by(OUTPUTS.c.seq.desc())
        .limit(1)
    )
    with database.reading() as connection:
        in_run = connection.scalar(query.where(OUTPUTS.c.run == run)) if run else None
        return in_run or connection.scalar(query)


def past_outputs(database: Database, node: str, limit: int) -> list[str]:
    """Return the ids that `node` made, the last first, each once."""
    query = sa.select(OUTPUTS.c.id).where(OUTPUTS.c.node == node).order_by(OUTPUTS.c.seq.desc()).limit(limit)
    with database.reading() as connection:
        return list(dict.fromkeys(connection.scalars(query)))


class OutputRecord(NamedTuple):
    """That a node made something: its place in the order of all records, its run, and when its step began."""

    seq: int
    run: str
    at: datetime


def output_record(database: Database, node: str, *, before: OutputRecord | None = None) -> OutputRecord | None:
    """Return the last record of a node, or None.

    Parameters
    ----------
    before
        A record of a node that reads this one: the record that its step used is returned, that of the same run, else
        the last one before it.
    """
    query = (
        sa.select(OUTPUTS.c.seq, OUTPUTS.c.run, OUTPUTS.c.at)
        .where((OUTPUTS.c.node == node) & (OUTPUTS.c.partition == ""))
        .order_by(OUTPUTS.c.seq.desc())
        .limit(1)
    )
    with database.reading() as connection:
        row = None
        if before is not None:
            query = query.where(OUTPUTS.c.seq < before.seq)
            row = connection.execute(query.where(OUTPUTS.c.run == before.run)).first()
        row = row or connection.execute(query).first()
    return None if row is None else OutputRecord(row.seq, row.run, row.at)


def partition_instants(database: Database, node: str) -> dict[str, datetime]:
    """Return when each partition of `node` was made last, by partition."""
    latest = sa.func.max(OUTPUTS.c.at).label("at")
    query = sa.select(OUTPUTS.c.partition, latest).where(OUTPUTS.c.node == node).group_by(OUTPUTS.c.partition)
    with database.reading() as connection:
        return {row.partition: row.at for row in connection.execute(query)}
