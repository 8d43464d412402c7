"""A copy of a project's database, made without a way to write to the original.

Who works on the copy needs no right and no password for the original. Files of SQLite are copied, PostgreSQL is read in
a read-only transaction that sees one moment.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.database_errors import open_engine, unavailable
from ml_platform.storage.file_stamp import file_stamp
from ml_platform.storage.row_log import ROW_LOG, is_bound, read_rows
from ml_platform.storage.rows import insert_rows
from ml_platform.storage.tables import METADATA

_ROWS_AT_ONCE = 5_000
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0


def copy_database(url: str, file: Path) -> None:
    """Write a copy of a project's database to a SQLite file, as of one moment.

    Parameters
    ----------
    url
        The address of the original. A SQLite file that does not exist yet gives an empty copy.
    file
        The copy, which must not exist.

    Raises
    ------
    DatabaseUnavailable
        Where the original cannot be read.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        _copy_tables(url, file)
    elif parsed.database and Path(parsed.database).exists():
        _copy_file(Path(parsed.database), file)


# SQLite -----------------------------------------------------------------------


def _copy_file(original: Path, file: Path) -> None:
    """Copy a SQLite database.

    Even a reader writes beside a database with a write-ahead log: it counts itself in the shared memory, and makes what
    is missing. So the files are copied as they are, again where somebody wrote meanwhile. Only where writers
    never pause, SQLite itself reads the original.
    """
    try:
        for _ in range(_ATTEMPTS):
            if _copied(original, file):
                with closing(sqlite3.connect(file)) as copy:
                    copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    copy.execute("PRAGMA quick_check(1)")
                return
            time.sleep(_PAUSE_SECONDS)
        _back_up(original, file)
    except sqlite3.Error as error:
        raise unavailable(sqlite_url(original), error) from error


def _copied(original: Path, file: Path) -> bool:
    """Copy the files of a database; False where one of them changed meanwhile, or too shortly before to be sure."""
    files = {path: file.with_name(f"{file.name}{end}") for path, end in ((original, ""), (_log_of(original), "-wal"))}
    before = {path: file_stamp(path) for path in files}
    if any(stamp and time.time() - path.stat().st_mtime < _PAUSE_SECONDS for path, stamp in before.items()):
        return False
    for path, copy in files.items():
        copy.unlink(missing_ok=True)
        if before[path]:
            shutil.copyfile(path, copy)
    return all(file_stamp(path) == stamp for path, stamp in before.items())


def _back_up(original: Path, file: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{end}").unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{quote(str(original))}?mode=ro", uri=True, timeout=_PATIENCE_SECONDS)) as source,
        closing(sqlite3.connect(file)) as target,
    ):
        source.execute("PRAGMA query_only=ON")
        source.backup(target)


def _log_of(original: Path) -> Path:
    return original.with_name(f"{original.name}-wal")


# PostgreSQL -------------------------------------------------------------------


def _copy_tables(url: str, file: Path) -> None:
    """Copy every table that this process knows of and that is there.

    The row log hashes rows as their database stores them. So each row is checked against the log of the original, and
    the copy gets a log of its own.
    """
    engine, target = open_engine(url, "storage.database in project.yaml", _PATIENCE_SECONDS), Database(sqlite_url(file))
    try:
        with _read_only(engine) as source, target.writing() as copy:
            there = set(sa.inspect(source).get_table_names())
            for table in METADATA.sorted_tables:
                if table.name in there and is_bound(table):
                    insert_rows(copy, table, read_rows(source, table, sa.true()))
                elif table.name in there and table is not ROW_LOG:
                    for rows in _in_batches(source, table):
                        copy.execute(sa.insert(table), rows)
    finally:
        engine.dispose()
        target.engine.dispose()


def _read_only(engine: sa.Engine) -> sa.Connection:
    """Return a connection whose server refuses every write, and whose statements all see one moment."""
    return engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _in_batches(connection: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, object]]]:
    result = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(sa.select(table))
    for rows in result.mappings().partitions():
        yield [dict(row) for row in rows]
