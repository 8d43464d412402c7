"""The SQL database of refs, the ledger and indexes: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ml_platform.store.database_errors import open_engine
from ml_platform.store.ledger_upgrade import chain_old_lines, is_chained
from ml_platform.store.tables import METADATA

_CREATING = 0x6D6C70  # the advisory lock that creating tables takes


class Database:
    """A connection pool over the platform's tables, which it creates where they are missing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url, "storage.database in project.yaml")
        if self.engine.dialect.name == "sqlite":
            _prepare_sqlite(self.engine)
        self._created = 0

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection for reading."""
        self._create_tables()
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in one transaction: all of it happens, or nothing."""
        self._create_tables()
        with self._transaction() as connection:
            yield connection

    def _create_tables(self) -> None:
        """Create what is missing, also tables of modules that were imported after the database was opened."""
        if self._created == len(METADATA.tables):
            return
        if not self._is_complete():
            with self._transaction() as connection:
                if self.engine.dialect.name == "postgresql":  # its CREATE TABLE IF NOT EXISTS is not safe in parallel
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))
                METADATA.create_all(connection)
                chain_old_lines(connection)
        self._created = len(METADATA.tables)

    def _is_complete(self) -> bool:
        """Return whether nothing has to be created, without waiting for who writes."""
        with self.engine.connect() as connection:
            there = set(sa.inspect(connection).get_table_names())
            return METADATA.tables.keys() <= there and is_chained(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the platform says BEGIN itself
        connection.execute("PRAGMA busy_timeout=30000")  # first: the next statement waits for a lock too
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
