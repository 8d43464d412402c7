"""The record of every ingest of a source: when it was read, what came of it, and which artefact then held its rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from ml_platform.checks import CheckResult
from ml_platform.errors import RefConflict
from ml_platform.identity import canonical_json
from ml_platform.store.database import METADATA, Database, Instant

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
    sa.Column("checks", sa.Text, nullable=False),
    sa.UniqueConstraint("source", "number"),
)


@dataclass(frozen=True)
class Ingest:
    """One reading of a source.

    Attributes
    ----------
    number
        1 for the first; rows carry the number of the ingest that brought them.
    lineage
        Hash of what the declaration says about rows; where it changes, the log begins anew.
    fingerprint
        Of the files that were read; None for readers that have none.
    next_known_at
        When the first of the rows that were left for later becomes known.
    late, corrections
        Rows of new keys, and changed rows, that were known only by being read: their known-at is this ingest.
    expectations
        Hash of the expectations that `checks` are the results of.
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


def last_ingest(database: Database, source: str) -> Ingest | None:
    """Return the last ingest of a source, or None before the first."""
    query = sa.select(INGESTS).where(INGESTS.c.source == source).order_by(INGESTS.c.number.desc()).limit(1)
    with database.reading() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        return None
    facts = {name: row[name] for name in Ingest.__dataclass_fields__ if name != "checks"}
    return Ingest(**facts, checks=tuple(CheckResult(**found) for found in json.loads(row["checks"])))


def record_ingest(database: Database, source: str, ingest: Ingest) -> None:
    """Record an ingest after its chunks are stored.

    Raises
    ------
    RefConflict
        When another ingest of the source has taken this number meanwhile; its rows stand, these do not.
    """
    row = {name: getattr(ingest, name) for name in Ingest.__dataclass_fields__} | {"source": source}
    row["checks"] = canonical_json([asdict(result) for result in ingest.checks]).decode()
    try:
        with database.writing() as connection:
            connection.execute(sa.insert(INGESTS).values(row))
    except sa.exc.IntegrityError:
        raise RefConflict(f"sources/{source}", f"ingest {ingest.number - 1}", f"ingest {ingest.number}") from None
