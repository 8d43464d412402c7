"""A person's data in files beside the store: logs, pages, reports, caches, and the databases of Dagster and MLflow.

Tables of rows (caches, temporary files) are removed as a whole, since they can be recomputed. In texts and in the cells
of SQLite databases the key is masked. Any other file that holds the key is reported for a person to handle.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.records import STOP
from ml_platform.audit.erasure.remove_rows import is_table
from ml_platform.audit.erasure.texts import masked_bytes, text_of
from ml_platform.core.engines.scratch import sweep_scratch
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.project import Project
from ml_platform.sources.suppression_list import key_text
from ml_platform.storage.atomic_write import write_durably
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.parquet import table_of
from ml_platform.storage.posted_rows import PostedRows, posted_folder
from ml_platform.storage.store_paths import is_store_path

_SQLITE = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
_WAIT_SECONDS = 30
_STORAGES = ("storage:", "run_storage:", "event_log_storage:", "schedule_storage:")


class Remedy(Enum):
    """What erasing does with a file that holds a person's data."""

    REMOVE = "removed"
    MASK = "masked"
    ROWS = "rows removed"
    NAME = "stays"


@dataclass(frozen=True)
class HeldFile:
    """A file that holds a person's data.

    Attributes
    ----------
    path
        Below the state folder.
    """

    path: str
    remedy: Remedy


def held_files(project: Project, person: Person) -> Iterator[HeldFile]:
    """Yield the files below the state folder, without the store's own, that hold a person's data."""
    for path in _files(project):
        if remedy := _remedy(project, path, person):
            yield HeldFile(path.relative_to(project.state).as_posix(), remedy)


def clear_files(project: Project, person: Person) -> list[HeldFile]:
    """Remove or mask a person's data in the files below the state folder, and return those that held it.

    Raises
    ------
    DatabaseUnavailable
        Where a database is in use.
    """
    files = list(held_files(project, person))
    for item in files:
        path = project.state / item.path
        if item.remedy is Remedy.REMOVE:
            path.unlink(missing_ok=True)
        elif item.remedy is Remedy.ROWS:
            PostedRows(path).remove(lambda row: _is_of(row, person))
        elif item.remedy is Remedy.MASK and not _is_database(path):
            masked = masked_bytes(content := path.read_bytes(), person)
            write_durably(path, content if masked is None else masked)
    for path in filter(_is_database, _files(project)):  # what a database has deleted lies in its free pages
        _mask_database(path, person)
    return files


def unsearched(project: Project, person: Person) -> Iterator[str]:
    """Yield what may hold the person's data and is not searched, each as the end of "It stays in ..."."""
    declared = sorted(set(person.key.values()) & person.names)
    if declared:
        yield f"texts: {' and '.join(declared)} is also a name in a declaration, so only tables and fields are searched"
    short = sorted(set(person.key.values()) - set(person.texts) - set(declared))
    if short:
        yield f"texts: {' and '.join(short)} is too short for a search in texts, so only tables and fields are searched"
    if any(text.lstrip("-").isdecimal() for text in person.key.values()):
        yield "columns of numbers, and JSON, in columns with another name than the key's: not searched"
    if project.spec.file.storage.mlflow is not None:
        yield "MLflow, which is kept outside the state folder: not searched"
    settings = project.state / "dagster" / "dagster.yaml"
    if settings.exists() and any(line.startswith(_STORAGES) for line in settings.read_text().splitlines()):
        yield f"Dagster's storage, which {settings} keeps elsewhere: not searched"
    if used := sweep_scratch(private_temporary_folder()):
        yield f"temporary files of {len(used)} processes that are running: not searched, and removed when they end"


def _files(project: Project) -> Iterator[Path]:
    """Yield the files below the state folder; of a local store only those that it did not write or never reads."""
    database, store = project.state / "platform.sqlite", project.state / "store"
    online = project.state / "online"  # records leave it by their keys
    unknown = {store / path for path in project.store.unknown()}
    for path in sorted(project.state.rglob("*")):
        in_store = path.is_relative_to(store) and is_store_path(path.relative_to(store).as_posix())
        kept = in_store and path not in unknown
        beside = path.name.endswith(_BESIDE) and path.with_name(path.name.rpartition("-")[0]).exists()
        if (
            path.is_file()
            and not path.is_symlink()
            and path != database
            and not kept
            and not beside
            and not path.is_relative_to(online)
        ):
            yield path


def _remedy(project: Project, path: Path, person: Person) -> Remedy | None:
    if path.is_relative_to(project.state / "store") and path.name.startswith("."):
        return Remedy.REMOVE  # half-written by a process that is gone: nothing names it
    if path.parent == posted_folder(project.state) and _is_database(path) and _has_posted(path, person):
        return Remedy.ROWS  # where other rows mention the person, the key is masked with the database
    if _is_database(path):
        return Remedy.MASK if any(True for _ in _held_cells(path, person)) else None
    content = path.read_bytes()
    if is_table(content):
        return Remedy.REMOVE if _holds_rows(content, person) else None
    if text_of(content) is None:
        return Remedy.NAME if any(value.encode() in content for value in person.texts) else None
    return Remedy.MASK if masked_bytes(content, person) is not None else None


def _has_posted(path: Path, person: Person) -> bool:
    return any(_is_of(row.values, person) for rows in PostedRows(path).read() for row in rows)


def _is_of(row: Mapping[str, Any], person: Person) -> bool:
    return all(key_text(row.get(name)) == value for name, value in person.key.items())


def _holds_rows(content: bytes, person: Person) -> bool:
    try:
        table = table_of(content)
    except pa.ArrowInvalid:
        return True  # half-written: it cannot be read, and nothing needs it
    return bool(pc.sum(person.rows(table)).as_py() or person.elsewhere(table))


# Databases -----------------------------------------------------------------------------


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)


def _held_cells(path: Path, person: Person) -> Iterator[tuple[str, str, int, str]]:
    """Yield table, column, row id and masked text of each cell that holds the key."""
    try:
        with closing(_open(path)) as connection:
            for table, column in _text_columns(connection):
                query = f'SELECT rowid, "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\''
                for row, text in connection.execute(query):
                    masked = person.masked_json(text)
                    if masked != text:
                        yield table, column, row, masked
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(path), str(error), STOP) from error


def _text_columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [
        (table, column[1])
        for (table,) in tables.fetchall()
        for column in connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    ]


def _mask_database(path: Path, person: Person) -> None:
    """Mask the key in every cell, and rewrite the file, so that no page keeps the former content."""
    cells = list(_held_cells(path, person))
    try:
        with closing(_open(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table, column, row, masked in cells:
                connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (masked, row))
            connection.execute("COMMIT")
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(path), str(error), STOP) from error
    if busy:
        raise DatabaseUnavailable(str(path), "its log of changes is read by another process", STOP)
