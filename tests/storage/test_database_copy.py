"""A copy of a database, of each kind: equal rows, and no trace in the original."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.database_copy import _read_only, copy_database
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.outputs import current_output, record_output
from ml_platform.storage.refs import move_ref, read_ref
from ml_platform.storage.simulated_clock import SimulatedClock
from ml_platform.storage.tables import METADATA

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def fill(database: Database) -> None:
    for number in range(3):
        record_output(database, "late_parcel/snapshot", "snapshot", f"{number}" * 64, run="r", at=NOW)
    move_ref(
        database, "champion/m", expected=None, to="a" * 64, at=NOW, actor="ada", action="deploy", reason="it is better"
    )


def rows_of(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str)
            for table in METADATA.sorted_tables
        }


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.name: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.iterdir()
        if path.is_file()
    }


def test_a_copy_has_every_row_and_can_be_worked_with(database: Database, tmp_path: Path) -> None:
    fill(database)
    copy_database(database.url, tmp_path / "copy.sqlite")
    copy = Database(sqlite_url(tmp_path / "copy.sqlite"))
    is_file = database.engine.dialect.name == "sqlite"
    other: dict[str, list[tuple[object, ...]]] = {} if is_file else {"row_log": []}  # it hashes rows as they are stored
    assert rows_of(copy) | other == rows_of(database) | other
    assert current_output(copy, "late_parcel/snapshot") == "2" * 64
    assert read_ref(copy, "champion/m") == "a" * 64
    before = rows_of(database)
    record_output(copy, "late_parcel/snapshot", "snapshot", "9" * 64, run="r", at=NOW)
    assert rows_of(database) == before
    copy.engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_refuses_to_write_in_the_transaction_that_is_copied(database: Database) -> None:
    fill(database)
    with _read_only(database.engine) as connection, pytest.raises(sa.exc.InternalError, match="read-only"):
        connection.exec_driver_sql("DELETE FROM outputs")


@pytest.mark.parametrize("is_open", [False, True])
def test_copying_a_file_leaves_no_trace_beside_it(tmp_path: Path, is_open: bool) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    database = Database(sqlite_url(folder / "platform.sqlite"))
    fill(database)
    SimulatedClock(database, NOW).now()
    if not is_open:
        database.engine.dispose()
        assert [path.name for path in folder.iterdir()] == ["platform.sqlite"]
    before = tree(folder)
    copy_database(database.url, tmp_path / "copy.sqlite")
    assert tree(folder) == before
    copy = Database(sqlite_url(tmp_path / "copy.sqlite"))
    assert rows_of(copy) == rows_of(database)
    copy.engine.dispose()
    database.engine.dispose()


@pytest.mark.parametrize("pauses", [True, False])
def test_a_copy_beside_a_writer_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: bool) -> None:
    """Two tables get the same number in each transaction; a copy that mixes two moments has two numbers."""
    original, number = tmp_path / "platform.sqlite", itertools.count(1)
    writer = sqlite3.connect(original)
    writer.execute("PRAGMA journal_mode=WAL")
    for table in "ab":
        writer.execute(f"CREATE TABLE {table} (x)")
        writer.execute(f"INSERT INTO {table} VALUES (0)")
    writer.commit()
    copyfile, times = shutil.copyfile, list[Path]()

    def with_a_writer(source: Path, target: Path) -> None:
        if not pauses or len(times) < 2:
            new = next(number)
            for table in "ab":
                writer.execute(f"UPDATE {table} SET x = {new}")
            writer.commit()
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        times.append(source)
        copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", with_a_writer)
    copy_database(sqlite_url(original), tmp_path / "copy.sqlite")
    assert len(times) >= 2
    copied = sqlite3.connect(tmp_path / "copy.sqlite")
    assert copied.execute("SELECT a.x = b.x, a.x FROM a, b").fetchall() == [(1, next(number) - 1)]
    copied.close()
    writer.close()


def test_a_database_that_does_not_exist_yet_has_no_copy(tmp_path: Path) -> None:
    copy_database(sqlite_url(tmp_path / "none.sqlite"), tmp_path / "copy.sqlite")
    assert not (tmp_path / "copy.sqlite").exists()


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "platform.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnavailable, match="platform"):
        copy_database(sqlite_url(tmp_path / "platform.sqlite"), tmp_path / "copy.sqlite")
