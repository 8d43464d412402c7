"""The record of every ingest of a source: when it was read, the outcome, and which artifact then held its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

import sqlalchemy as sa

from ml_platform.core.errors import RefConflict
from ml_platform.core.hashing import canonical_json
from ml_platform.declarations.node_name import NodeName
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.key_counts import NO_KEYS, KeyCounts, as_text, from_text
from ml_platform.storage.database import Database
from ml_platform.storage.row_log import read_rows
from ml_platform.storage.rows import insert_row, insert_rows
from ml_platform.storage.tables import METADATA, PERSONAL, Instant

INGESTS = sa.Table(
    "ingests",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(80), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("lineage", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("next_known_at", Instant),
    sa.Column("new_rows", sa.Integer, nullable=False),
    sa.Column("late", sa.Integer, nullable=False),
    sa.Column("corrections", sa.Integer, nullable=False),
    sa.Column("expectations", sa.String(64), nullable=False),
    sa.Column("checks", sa.Text, nullable=False, info=PERSONAL),
    sa.Column("upstream", sa.Text, nullable=False, info=PERSONAL),
    sa.UniqueConstraint("source", "number"),
    sqlite_autoincrement=True,
)

MARKS = sa.Table(
    "source_marks",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(80), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("scope", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mark", sa.Text, info=PERSONAL),
    sa.Column("next_known_at", Instant),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("most_rows", sa.BigInteger, nullable=False),
    sa.Column("waiting", sa.BigInteger, nullable=False),
    sa.Column("waiting_until", Instant),
    sa.Column("far", sa.BigInteger, nullable=False),
    sa.Column("gone_at", Instant),
    sqlite_autoincrement=True,
)

KEYS = sa.Table(
    "source_file_key_counts",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(80), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("scope", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("keys", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
"""How many different keys of each file the log has had, by groups: beside its mark of the same ingest."""

CURSOR = "cursor"
"""The name of the mark that holds a cursor's largest value."""


@dataclass(frozen=True)
class ReadState:
    """What is remembered of one part of a source, as of the last ingest that read it.

    Attributes
    ----------
    name
        Of the part: a file, a function, a database's table; or ``cursor``.
    mark
        What shows whether it has changed: a fingerprint, and where reading a file that may grow ended; a cursor's
        largest value as an SQL literal.
    next_known_at
        When the first of its rows that were left for later becomes known.
    rows, most_rows
        How many rows it had, and how many with those that it has lost.
    waiting, waiting_until, far
        How many of its rows were left for later, until when, and how many of them for very long.
    gone_at
        The first ingest that did not find it; None while it is there.
    keys
        How many different keys of it the log has had, by groups; None where they were not counted.
    """

    name: str
    mark: str | None
    next_known_at: datetime | None
    rows: int = 0
    most_rows: int = 0
    waiting: int = 0
    waiting_until: datetime | None = None
    far: int = 0
    gone_at: datetime | None = None
    keys: KeyCounts | None = None

    @property
    def keys_had(self) -> KeyCounts:
        """How many different keys of it the log has had, by groups; none where they were not counted."""
        return NO_KEYS if self.keys is None else self.keys

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of a part as it was read."""
        return self.mark and self.mark.partition(" ")[0]

    @property
    def end(self) -> str | None:
        """Where reading the part ended, if it is a file that may grow: no row waits to be known, and none was lost."""
        whole = self.waiting == 0 and self.gone_at is None and self.rows == self.most_rows
        return (self.mark or "").partition(" ")[2] or None if whole else None


_MARKED = tuple(item.name for item in fields(ReadState) if item.name != "keys")


@dataclass(frozen=True)
class Ingest:
    """One reading of a source.

    Attributes
    ----------
    number
        1 for the first; rows carry the number of the ingest that brought them.
    lineage
        Hash of what the declaration defines about rows; where it changes, a new log begins.
    fingerprint
        Of the files that were read; None for readers that have none.
    next_known_at
        When the first of the rows that were left for later becomes known.
    late, corrections
        Rows of new keys, and changed rows, that were known only by being read: their known-at is this ingest.
    expectations
        Hash of the expectations that `checks` are the results of.
    upstream
        How the source differs from its log, as JSON: see `ml_platform.sources.upstream`.
    """

    number: int
    at: datetime
    id: str
    lineage: str
    fingerprint: str | None
    next_known_at: datetime | None
    new_rows: int
    late: int
    corrections: int
    expectations: str
    checks: tuple[CheckResult, ...]
    upstream: str = "{}"


def last_ingest(database: Database, source: str) -> Ingest | None:
    """Return the last ingest of a source, or None before the first."""
    here = INGESTS.c.source == source
    last = sa.select(sa.func.max(INGESTS.c.number)).where(here).scalar_subquery()
    with database.snapshot() as connection:
        rows = read_rows(connection, INGESTS, here & (INGESTS.c.number == last))
    if not rows:
        return None
    row = rows[0]
    facts = {name: row[name] for name in Ingest.__dataclass_fields__ if name != "checks"}
    return Ingest(**facts, checks=tuple(CheckResult(**result) for result in json.loads(row["checks"])))


def late_rows(database: Database, source: str) -> tuple[int, int]:
    """Return how many rows of a source came late, known only from their ingest on, and how many came in all."""
    counted = sa.select(*(sa.func.coalesce(sa.func.sum(INGESTS.c[name]), 0) for name in ("late", "new_rows")))
    with database.reading() as connection:
        late, rows = connection.execute(counted.where(INGESTS.c.source == source)).one()
    return int(late), int(rows)


def last_marks(database: Database, source: str, scope: str) -> dict[str, ReadState]:
    """Return the last mark of every part of a source that was read under the same declaration and code.

    Parameters
    ----------
    scope
        Hash of what decides how the source is read: marks of another scope are not used.
    """
    with database.reading() as connection:
        marks, keys = (_last_by_name(connection, table, source, scope) for table in (MARKS, KEYS))
    numbers = {name: from_text(row["keys"]) for name, row in keys.items() if row["number"] == marks[name]["number"]}
    return {
        name: ReadState(**{key: row[key] for key in _MARKED}, keys=numbers.get(name)) for name, row in marks.items()
    }


def _last_by_name(connection: sa.Connection, table: sa.Table, source: str, scope: str) -> dict[str, sa.RowMapping]:
    """Return the last row of each part in one of the two tables."""
    query = sa.select(table).where(table.c.source == source, table.c.scope == scope).order_by(table.c.seq)
    return {row["name"]: row for row in connection.execute(query).mappings()}


def record_ingest(
    database: Database, source: str, ingest: Ingest, scope: str = "", marks: Sequence[ReadState] = ()
) -> None:
    """Record an ingest after its chunks are stored, and what is to be remembered of the parts that it read.

    Raises
    ------
    RefConflict
        When another ingest of the source has taken this number meanwhile; its rows are kept, these are not.
    """
    row = {name: getattr(ingest, name) for name in Ingest.__dataclass_fields__} | {"source": source}
    row["checks"] = canonical_json([asdict(result) for result in ingest.checks]).decode()
    try:
        with database.writing() as connection:
            insert_row(connection, INGESTS, row)
            about = {"source": source, "number": ingest.number, "scope": scope}
            insert_rows(connection, MARKS, [about | {name: getattr(mark, name) for name in _MARKED} for mark in marks])
            counted = [{"name": mark.name, "keys": as_text(mark.keys)} for mark in marks if mark.keys is not None]
            insert_rows(connection, KEYS, [about | row for row in counted])
    except sa.exc.IntegrityError:
        raise RefConflict(
            NodeName("source", source), f"ingest {ingest.number - 1}", f"ingest {ingest.number}"
        ) from None
