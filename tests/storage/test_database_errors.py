"""A database that cannot be used is one sentence with a remedy, and never shows its password."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ml_platform.storage.database import Database
from ml_platform.storage.database_errors import DatabaseUnavailable

PASSWORD = "s3cret-word"


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is bound and at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def problem_of(url: str) -> str:
    with pytest.raises(DatabaseUnavailable) as caught, Database(url).reading():
        pass
    text = str(caught.value)
    assert PASSWORD not in text
    assert "\n" not in text
    return text


def test_a_server_that_does_not_answer(unused_port: int) -> None:
    text = problem_of(f"postgresql+psycopg://ada:{PASSWORD}@127.0.0.1:{unused_port}/shop?connect_timeout=5")
    assert text.startswith(f"database postgresql+psycopg://***@127.0.0.1:{unused_port}/shop")
    assert "Connection refused" in text
    assert text.endswith("Check that the server runs and that the address is right.")


def test_a_server_that_accepts_and_never_answers_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_platform.storage.database._PATIENCE_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = problem_of(f"postgresql+psycopg://ada:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/shop")
    assert "timeout expired" in text
    assert text.endswith("Check that the server runs and that the address is right.")


def test_an_unknown_host() -> None:
    text = problem_of(f"postgresql+psycopg://ada:{PASSWORD}@nowhere.invalid:5432/shop?connect_timeout=5")
    assert "nowhere.invalid" in text


@pytest.mark.parametrize("url", [f"postgresql+psycopg//ada:{PASSWORD}@host/shop", f"://{PASSWORD}", PASSWORD])
def test_an_address_that_cannot_be_parsed(url: str) -> None:
    assert problem_of(url).startswith(
        "database of storage.database in project.yaml: its address cannot be parsed. Write it as postgresql+psycopg://"
    )


@pytest.mark.parametrize("url", [f"postgresql+nodriver://ada:{PASSWORD}@h/shop", f"oracledb+x://ada:{PASSWORD}@h/s"])
def test_a_driver_that_is_not_installed(url: str) -> None:
    assert "its driver is not installed" in problem_of(url)


def test_a_port_that_is_no_number() -> None:
    assert "cannot be parsed" in problem_of(f"postgresql+psycopg://ada:{PASSWORD}@host:port/shop")


def test_a_file_that_another_process_holds(tmp_path: Path) -> None:
    file = tmp_path / "platform.sqlite"
    database = Database(f"sqlite:///{file}")
    with database.reading():
        pass
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            with pytest.raises(DatabaseUnavailable) as caught:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
    assert str(caught.value) == (
        f"database sqlite:///{file}: database is locked. "
        "Another process holds it. End that process, or wait for it, and try again."
    )
    database.engine.dispose()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "platform.sqlite"
    file.write_text("plain text " * 50)
    assert "file is not a database. The file is damaged or is no SQLite database." in problem_of(f"sqlite:///{file}")


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    text = problem_of(f"sqlite:///{tmp_path / 'nowhere' / 'platform.sqlite'}")
    assert text.endswith("unable to open database file. Check that the folder exists and that this user may write it.")


@pytest.mark.slow
def test_a_flipped_bit_anywhere_in_the_schema_is_no_traceback(tmp_path: Path) -> None:
    """SQLite repeats damaged text of the schema in its message, and Python cannot read a message that is no UTF-8."""
    whole, file = tmp_path / "whole.sqlite", tmp_path / "flipped.sqlite"
    with closing(sqlite3.connect(whole)) as connection:
        connection.execute("CREATE TABLE plain (number INTEGER NOT NULL, words TEXT, PRIMARY KEY (number))")
        connection.execute("CREATE INDEX of_words ON plain (words) WHERE number > 7")
    content, refused = whole.read_bytes(), set()
    for place in range(content.index(b"CREATE INDEX") - 40, len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x80]) + content[place + 1 :])
        try:
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        except UnicodeDecodeError:
            assert "malformed" in problem_of(f"sqlite:///{file}")
            refused.add(place)
        except sqlite3.DatabaseError:
            problem_of(f"sqlite:///{file}")
        for beside in (Path(f"{file}-wal"), Path(f"{file}-shm")):
            beside.unlink(missing_ok=True)
    assert len(refused) > 20
