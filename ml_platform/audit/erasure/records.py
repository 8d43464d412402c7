"""A person's data in the database's own rows: results of checks, alerts, findings, and what waits for MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.project import Project
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.raw_rows import key_text
from ml_platform.storage.row_log import forget_salts
from ml_platform.storage.rows import update_rows
from ml_platform.storage.tables import METADATA, PERSONAL

STOP = "Stop the process that uses it (ml-platform up, a run), then erase again."
_EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"


def personal_columns() -> list[sa.Column[Any]]:
    """Return the columns whose texts may hold a person's key, of all tables, by their `info`."""
    return [
        column
        for table in METADATA.sorted_tables
        for column in table.columns
        if PERSONAL.items() <= column.info.items()
    ]


def held_records(project: Project, person: Person) -> dict[str, int]:
    """Return how many rows hold the key, by ``table.column``."""
    counts: dict[str, int] = {}
    with project.database.reading() as connection:
        for column in personal_columns():
            if count := sum(1 for _ in _held(connection, column, person)):
                counts[f"{column.table.name}.{column.name}"] = count
    return counts


def mask_records(project: Project, person: Person) -> None:
    """Mask the key in the rows that hold it. The row log can no longer prove what they held."""
    with project.database.writing() as connection:
        for column in personal_columns():
            table = column.table
            assert isinstance(table, sa.Table)
            for values, masked in list(_held(connection, column, person)):
                keys = list(table.primary_key.columns)
                here = sa.and_(*(key == value for key, value in zip(keys, values, strict=True)))
                forget_salts(connection, table, [key_text(values)])
                update_rows(connection, table, here, {column.name: masked})


def rewrite_database(project: Project) -> None:
    """Rewrite the database, so that no page keeps what rows held before.

    Raises
    ------
    DatabaseUnavailable
        Where SQLite's file is in use.
    """
    engine = project.database.engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")
        if engine.dialect.name == "sqlite" and connection.exec_driver_sql(_EMPTY_LOG).scalar_one():
            raise DatabaseUnavailable(project.database.url, "its log of changes is read by another process", STOP)


def _held(connection: sa.Connection, column: sa.Column[Any], person: Person) -> Iterator[tuple[list[Any], str]]:
    """Yield the primary key and the masked text of each row that holds the key."""
    keys = list(column.table.primary_key.columns)
    for row in connection.execute(sa.select(*keys, column).where(column.is_not(None))):
        *values, text = row
        masked = person.masked_json(text)
        if masked != text:
            yield values, masked
