"""Refs: names that point at an id and move by compare-and-set, each move a line in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ml_platform.errors import RefConflict
from ml_platform.store.append_only import append_only
from ml_platform.store.database import METADATA, Database, Instant

REFS = sa.Table(
    "refs",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
    sa.Column("moved_at", Instant, nullable=False),
)

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("ref", sa.String(200), nullable=False),
    sa.Column("from_value", sa.String(200)),
    sa.Column("to_value", sa.String(200)),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
)

append_only(LEDGER)


@dataclass(frozen=True)
class LedgerLine:
    """Who moved a ref, when, from what, to what, and why."""

    seq: int
    at: datetime
    actor: str
    action: str
    ref: str
    from_value: str | None
    to_value: str | None
    reason: str
    facts: dict[str, Any]


def read_ref(database: Database, name: str) -> str | None:
    """Return what the ref points at, or None where it was never set."""
    with database.reading() as connection:
        return connection.scalar(sa.select(REFS.c.value).where(REFS.c.name == name))


def move_ref(
    database: Database,
    name: str,
    *,
    expected: str | None,
    to: str,
    at: datetime,
    actor: str,
    action: str,
    reason: str,
    facts: dict[str, Any] | None = None,
) -> LedgerLine:
    """Point the ref at `to` if it still points at `expected`, and write the ledger line, in one transaction.

    Raises
    ------
    RefConflict
        When the ref points elsewhere by now; nothing was changed.
    """
    with database.writing() as connection:
        if expected is None:
            moved = _insert_if_absent(connection, name, to, at)
        else:
            condition = (REFS.c.name == name) & (REFS.c.value == expected)
            moved = connection.execute(sa.update(REFS).where(condition).values(value=to, moved_at=at)).rowcount == 1
        if not moved:
            found = connection.scalar(sa.select(REFS.c.value).where(REFS.c.name == name))
            raise RefConflict(name, expected, found)
        line = {
            "at": at,
            "actor": actor,
            "action": action,
            "ref": name,
            "from_value": expected,
            "to_value": to,
            "reason": reason,
            "facts": facts or {},
        }
        seq = connection.execute(sa.insert(LEDGER).values(line)).inserted_primary_key[0]  # type: ignore[index]
    return LedgerLine(seq=seq, **line)  # type: ignore[arg-type]


def _insert_if_absent(connection: sa.Connection, name: str, to: str, at: datetime) -> bool:
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(REFS).values(name=name, value=to, moved_at=at).on_conflict_do_nothing()
    return connection.scalar(statement.returning(REFS.c.name)) is not None


def ledger_lines(database: Database, ref: str | None = None) -> list[LedgerLine]:
    """Return the ledger in order, of one ref or of all."""
    query = sa.select(LEDGER).order_by(LEDGER.c.seq)
    if ref is not None:
        query = query.where(LEDGER.c.ref == ref)
    with database.reading() as connection:
        return [LedgerLine(**row) for row in connection.execute(query).mappings()]


def ref_at(database: Database, name: str, at: datetime) -> str | None:
    """Return what the ref pointed at at an instant, from the ledger."""
    values = [line.to_value for line in ledger_lines(database, name) if line.at <= at]
    return values[-1] if values else None
