"""The SQL database of refs, the ledger and indexes: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ml_platform.storage.database_errors import of_earlier_version, open_engine, unavailable
from ml_platform.storage.row_log import append_changes, forget_changes
from ml_platform.storage.rows import refuse_unlogged
from ml_platform.storage.tables import METADATA

_PATIENCE_SECONDS = 30.0
_CREATING = 0x6D6C70  # the advisory lock that creating tables takes


def sqlite_url(file: Path) -> str:
    """Return the address of a SQLite file. In an address, ``%`` and ``?`` mean something, and not in a path."""
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F")


class Database:
    """A connection pool over the platform's tables, which it creates where they are missing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url, "storage.database in project.yaml", _PATIENCE_SECONDS)
        if self.engine.dialect.name == "sqlite":
            _prepare_sqlite(self.engine)
        sa.event.listen(self.engine, "before_execute", refuse_unlogged)
        self._created = 0
        self._text: Callable[[bytes], str] = str

    @contextmanager
    def any_text(self) -> Iterator[None]:
        """Read text that is no UTF-8 with escapes, where it otherwise is an error, as only who verifies needs it."""
        self._text = lambda content: content.decode(errors="backslashreplace")
        try:
            yield
        finally:
            self._text = str

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.connection.dbapi_connection.text_factory = self._text  # type: ignore[union-attr]
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection for reading."""
        self._create_tables()
        with self._connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Give a connection for reading whose statements all see the database as of one moment."""
        self._create_tables()
        with self._connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in one transaction: all of it happens, or nothing."""
        self._create_tables()
        with self._transaction() as connection:
            yield connection

    def changes(self) -> Callable[[], Hashable] | None:
        """Return what gives another value after each commit of another connection; None where the server has none.

        A call costs some microseconds, and reads no table. It holds a connection of its own, which any thread may use,
        one at a time.
        """
        if self.engine.dialect.name != "sqlite":
            return None
        self._create_tables()
        file = self.engine.url.database
        connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, check_same_thread=False)

        def version() -> Hashable:
            try:
                return int(connection.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error as error:
                raise unavailable(self.url, error) from None

        return version

    def _create_tables(self) -> None:
        """Create what is missing, also tables of modules that were imported after the database was opened."""
        if self._created == len(METADATA.tables):
            return
        if not self._is_complete():
            with self._transaction() as connection:
                if self.engine.dialect.name == "postgresql":  # its CREATE TABLE IF NOT EXISTS is not safe in parallel
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))
                METADATA.create_all(connection)
        self._created = len(METADATA.tables)

    def _is_complete(self) -> bool:
        """Return whether nothing has to be created, without waiting for who writes.

        Raises
        ------
        DatabaseUnavailable
            Where a table lacks a column, since an earlier version made it.
        """
        with self.engine.connect() as connection:
            columns_of = sa.inspect(connection).get_multi_columns()
        stored = {name: {str(column["name"]) for column in columns} for (_, name), columns in columns_of.items()}
        for name, table in METADATA.tables.items():
            for column in sorted(set(table.c.keys()) - stored.get(name, set(table.c.keys()))):
                raise of_earlier_version(self.engine.url.render_as_string(hide_password=True), name, column)
        return METADATA.tables.keys() <= stored.keys()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                append_changes(connection)
                connection.commit()
            finally:
                forget_changes(connection)


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the platform sends BEGIN itself
        connection.execute("PRAGMA busy_timeout=30000")  # first: the next statement waits for a lock too
        try:
            connection.execute("PRAGMA journal_mode=WAL")  # the first that reads the schema
        except UnicodeDecodeError as error:  # SQLite repeats the damaged text in its message
            raise sqlite3.DatabaseError("malformed database schema: a part of it is no text") from error
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
