"""Tables whose rows stay as they were written, because the database itself refuses anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_CHANGES = ("update", "delete")
_SQLITE = """\
CREATE TRIGGER {table}_no_{what} BEFORE {what}{columns} ON {table}
BEGIN SELECT RAISE(ABORT, 'the {table} is append-only'); END"""

_POSTGRESQL = """\
CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the {table} is append-only'; END $$;
CREATE TRIGGER {table}_refuse BEFORE UPDATE{columns} OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"""
_FREE = "free column"


def append_only(table: sa.Table, except_for: str | None = None) -> None:
    """Let the database refuse to change or remove a row of `table`, from the moment that it is created.

    Parameters
    ----------
    except_for
        A column that may be changed.
    """
    table.info[_FREE] = except_for
    for what in _CHANGES:
        _after_create(table, "sqlite", _on_sqlite(table, what))
    columns = "" if except_for is None else _columns_of(table)
    _after_create(table, "postgresql", _POSTGRESQL.format(table=table.name, columns=columns))


def _on_sqlite(table: sa.Table, what: str) -> str:
    columns = _columns_of(table) if what == "update" and table.info[_FREE] else ""
    return _SQLITE.format(table=table.name, what=what, columns=columns)


def _columns_of(table: sa.Table) -> str:
    return " OF " + ", ".join(f'"{column.name}"' for column in table.c if column.name != table.info[_FREE])


def is_guarded(connection: sa.Connection, table: sa.Table) -> bool:
    """Return whether the database still refuses to change or remove a row of an append-only table."""
    if connection.dialect.name == "postgresql":
        where = "tgname = :name AND tgenabled <> 'D' AND tgrelid = CAST(:table AS regclass)"
        query = sa.text(f"SELECT count(*) FROM pg_trigger WHERE {where}")
        return bool(connection.scalar(query, {"name": f"{table.name}_refuse", "table": table.name}))
    query = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    triggers: set[str] = set(connection.scalars(query, {"table": table.name}))
    return triggers.issuperset(f"{table.name}_no_{what}" for what in _CHANGES)


@contextmanager
def may_change(connection: sa.Connection, table: sa.Table) -> Iterator[None]:
    """Let rows of an append-only table be changed in the caller's transaction, as only tests do."""
    if connection.dialect.name == "postgresql":
        off = [f"ALTER TABLE {table.name} DISABLE TRIGGER {table.name}_refuse"]
        on = [f"ALTER TABLE {table.name} ENABLE TRIGGER {table.name}_refuse"]
    else:
        off = [f"DROP TRIGGER {table.name}_no_{what}" for what in _CHANGES]
        on = [_on_sqlite(table, what) for what in _CHANGES]
    for statement in off:
        connection.exec_driver_sql(statement)
    yield
    for statement in on:
        connection.exec_driver_sql(statement)


def _after_create(table: sa.Table, dialect: str, statement: str) -> None:
    ddl = sa.DDL(statement).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
    sa.event.listen(table, "after_create", ddl)
