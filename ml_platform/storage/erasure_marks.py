"""Marks: what an artifact can no longer prove, because rows of it, or of what it rests on, were erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ml_platform.storage.opened import OpenedStores
from ml_platform.storage.rows import insert_rows
from ml_platform.storage.tables import METADATA, PERSONAL, Instant

MARKS = sa.Table(
    "artifact_marks",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("id", sa.String(64), nullable=False, index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False, info=PERSONAL),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Mark:
    """One thing that an artifact can no longer prove.

    Attributes
    ----------
    rows
        How many rows were erased.
    description
        What cannot be proved any more, in a sentence.
    """

    kind: str
    id: str
    at: datetime
    rows: int
    description: str


def marks_of(project: OpenedStores, kind: str, id: str) -> tuple[Mark, ...]:
    """Return the marks of an artifact, oldest first; none where it can prove all that it ever could."""
    query = sa.select(MARKS).where((MARKS.c.kind == kind) & (MARKS.c.id == id)).order_by(MARKS.c.seq)
    with project.database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(Mark(**{name: row[name] for name in Mark.__dataclass_fields__}) for row in rows)


def add_marks(connection: sa.Connection, marks: Iterable[Mark]) -> None:
    """Mark artifacts, in the caller's transaction."""
    insert_rows(connection, MARKS, [vars(mark) for mark in marks])
