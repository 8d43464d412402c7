"""Which nodes failed when they were computed last, and why: until they succeed, a person must act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ml_platform.core.secrets import redact
from ml_platform.storage.database import Database
from ml_platform.storage.rows import delete_rows, put_row
from ml_platform.storage.tables import METADATA, PERSONAL, Instant

_LONGEST = 2_000

FAILURES = sa.Table(
    "failures",
    METADATA,
    sa.Column("node", sa.String(200), primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("problem", sa.Text, nullable=False, info=PERSONAL),
)


@dataclass(frozen=True)
class Failure:
    """Why a node failed.

    Attributes
    ----------
    at
        The project's time.
    problem
        The error's message.
    """

    node: str
    at: datetime
    problem: str


def record_failure(database: Database, node: str, problem: str, at: datetime) -> None:
    """Record that `node` failed, in place of its failure before."""
    with database.writing() as connection:
        put_row(connection, FAILURES, {"node": node}, {"at": at, "problem": redact(problem)[:_LONGEST]})


def forget_failure(database: Database, node: str) -> None:
    """Forget that `node` failed: it succeeded since."""
    if node in failures(database):
        with database.writing() as connection:
            delete_rows(connection, FAILURES, FAILURES.c.node == node)


def failures(database: Database) -> Mapping[str, Failure]:
    """Return the nodes that failed when they were computed last, by name."""
    with database.reading() as connection:
        rows = connection.execute(sa.select(FAILURES)).all()
    return {row.node: Failure(row.node, row.at, row.problem) for row in rows}
