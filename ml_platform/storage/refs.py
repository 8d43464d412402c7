"""Refs: names that point at an id and move by compare-and-set, each move a line in the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ml_platform.core.errors import LedgerDamaged, RefConflict
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import LedgerLine, append_line, last_line, ledger_lines
from ml_platform.storage.rows import insert_if_absent, update_rows
from ml_platform.storage.tables import METADATA, Instant

REFS = sa.Table(
    "refs",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
    sa.Column("moved_at", Instant, nullable=False),
)


def read_ref(database: Database, name: str) -> str | None:
    """Return what the ref points at, or None where it was never set.

    Raises
    ------
    LedgerDamaged
        When its last line in the ledger is damaged, or has another value: the ref was moved by hand.
    """
    value: str | None
    pointed = sa.select(REFS.c.value).where(REFS.c.name == name).scalar_subquery()
    with database.reading() as connection:
        value, line = last_line(connection, name, pointed)  # in one statement, so that no other writer moves it between
    recorded = None if line is None else line.to_value
    if recorded != value:
        raise LedgerDamaged.of_ref(name, value, recorded)
    return value


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
            moved = insert_if_absent(connection, REFS, {"name": name, "value": to, "moved_at": at})
        else:
            condition = (REFS.c.name == name) & (REFS.c.value == expected)
            moved = update_rows(connection, REFS, condition, {"value": to, "moved_at": at}) == 1
        if not moved:
            actual = connection.scalar(sa.select(REFS.c.value).where(REFS.c.name == name))
            raise RefConflict(name, expected, actual)
        return append_line(
            connection,
            at=at,
            actor=actor,
            action=action,
            ref=name,
            from_value=expected,
            to_value=to,
            reason=reason,
            facts=facts,
        )


def ref_at(database: Database, name: str, at: datetime) -> str | None:
    """Return what the ref pointed at at an instant, from the ledger.

    Raises
    ------
    LedgerDamaged
        When the ledger is not what was written, or the ref does not point where its last line has it.
    """
    values = [line.to_value for line in ref_history(database, name) if line.at <= at]
    return values[-1] if values else None


def ref_history(database: Database, name: str) -> list[LedgerLine]:
    """Return the moves of a ref in order, which is also the order of their instants.

    Raises
    ------
    LedgerDamaged
        When the ledger is not what was written, or the ref does not point where its last line has it.
    """
    read_ref(database, name)
    return ledger_lines(database, name)
