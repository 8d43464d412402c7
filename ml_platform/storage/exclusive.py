"""One process at a time does a named piece of a project's work, on this machine or on any that shares its database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.file_lock import file_lock


def exclusive(
    database: Database, state: Path, name: str, when_taken: Callable[[], None] | None = None
) -> AbstractContextManager[None]:
    """Hold the project's lock of a name. It ends with the block, and also with the process, however that ends.

    With SQLite it is a file in the state folder, with PostgreSQL an advisory lock in the database.

    Parameters
    ----------
    name
        What is done, such as ``make_late_arrival``.
    when_taken
        Called once where another process holds the lock, before this one waits.
    """
    if database.engine.dialect.name == "postgresql":
        return _advisory_lock(database.engine, name, when_taken)
    return file_lock(state / "locks" / f"{name}.lock", when_taken)


@contextmanager
def _advisory_lock(engine: sa.Engine, name: str, when_taken: Callable[[], None] | None) -> Iterator[None]:
    """Hold a lock of the session; schemas of one database are projects of their own."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        schema = connection.scalar(sa.select(sa.func.current_schema()))
        digest = hashlib.sha256(f"{schema}\0{name}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
            if when_taken is not None:
                when_taken()
            connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
