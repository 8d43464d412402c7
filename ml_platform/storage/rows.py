"""Writing rows: insert, update and delete, each change noted for the row log; on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from ml_platform.storage.raw_rows import RawRow, raw_columns, raw_row
from ml_platform.storage.row_log import LOGGED, is_bound, note_changes


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all with the same columns."""
    if rows:
        _execute(connection, table, sa.insert(table), [dict(row) for row in rows])


def insert_row(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert one row."""
    insert_rows(connection, table, [row])


def insert_if_absent(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row where no unique constraint of the table forbids it, and return whether it was inserted.

    A writer that comes second waits for the first to commit, and then finds the row there.
    """
    statement = _insert(connection, table).values(dict(row)).on_conflict_do_nothing()
    return bool(_execute(connection, table, statement))


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of several rows, all with the same columns, that no unique constraint of the table forbids."""
    if rows:
        statement = _insert(connection, table).on_conflict_do_nothing()
        _execute(connection, table, statement, [dict(row) for row in rows])


def put_row(connection: sa.Connection, table: sa.Table, at: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Write a row over the one with the same primary key, if there is one; one that holds the same stays as it is."""
    statement = _insert(connection, table).values({**at, **values})
    differs = sa.or_(*(table.c[name].is_distinct_from(value) for name, value in values.items()))
    statement = statement.on_conflict_do_update(index_elements=list(at), set_=dict(values), where=differs)
    _execute(connection, table, statement)


def update_rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], values: Mapping[str, Any]
) -> int:
    """Change the rows that `where` selects, none of them in its primary key, and return how many they are."""
    if any(table.c[name].primary_key for name in values):
        raise TypeError(f"a row's primary key is not changed; found {sorted(values)} of {table.name}")
    return len(_execute(connection, table, sa.update(table).where(where).values(dict(values))))


def delete_rows(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    """Remove the rows that `where` selects, and return how many they were."""
    return len(_execute(connection, table, sa.delete(table).where(where), removed=True))


def refuse_unlogged(
    connection: sa.Connection, statement: Any, _many: Any, _one: Any, options: Mapping[str, Any]
) -> None:
    """Refuse a statement that changes a bound table and is not of this module: verifying would take it for damage.

    A listener of SQLAlchemy's event ``before_execute``.
    """
    if isinstance(statement, sa.UpdateBase) and not LOGGED.keys() <= options.keys():
        table = statement.table
        if isinstance(table, sa.Table) and is_bound(table):
            raise TypeError(f"rows of {table.name} are written by ml_platform.storage.rows, which notes each change")


def _execute(
    connection: sa.Connection,
    table: sa.Table,
    statement: Any,
    rows: Sequence[Mapping[str, Any]] | None = None,
    *,
    removed: bool = False,
) -> list[RawRow]:
    """Carry out a statement and note the rows that it changed."""
    statement = statement.returning(*raw_columns(table, connection.dialect.name))
    returned = connection.execute(statement, rows, execution_options=LOGGED)
    changed = [raw_row(table, tuple(row)) for row in returned]
    if is_bound(table):
        note_changes(connection, table, changed, removed=removed)
    return changed


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
