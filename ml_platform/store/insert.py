"""Inserting rows unless ones that are unique like them are there: one statement, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import sqlalchemy as sa


def insert_if_absent(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row where no unique constraint of the table forbids it, and return whether it was inserted.

    A writer that comes second waits for the first to commit, and then finds the row there.
    """
    statement = _insert(connection, table).values(dict(row)).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key.columns)).first() is not None


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of several rows, all with the same columns, that no unique constraint of the table forbids."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), [dict(row) for row in rows])


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
