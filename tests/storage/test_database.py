"""Opening a database: tables that are missing are created, and who only reads waits for nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.erasure_marks import MARKS
from ml_platform.storage.outputs import current_output
from ml_platform.storage.tables import METADATA


def test_the_first_use_creates_every_table(database: Database) -> None:
    with database.reading() as connection:
        assert set(sa.inspect(connection).get_table_names()) == set(METADATA.tables)


def test_a_table_that_went_is_recreated(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE outputs")
    reopened = Database(database_url)
    assert current_output(reopened, "late/snapshot") is None
    reopened.engine.dispose()


def test_a_database_whose_tables_have_other_columns_is_refused_in_one_sentence(
    database: Database, database_url: str
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {MARKS.name} RENAME COLUMN description TO former")
    earlier = Database(database_url)
    with pytest.raises(DatabaseUnavailable, match=r"artifact_marks has no column description\. Use that"):
        current_output(earlier, "late/snapshot")
    earlier.engine.dispose()


def test_a_reader_opens_the_database_while_a_writer_is_at_work(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outputs")
        reader = Database(database_url)
        if connection.dialect.name == "sqlite":
            reader.engine = sa.create_engine(database_url, connect_args={"timeout": 0})  # to wait is an error
        assert current_output(reader, "late/snapshot") is None
        reader.engine.dispose()


def test_a_commit_of_another_connection_is_noticed_without_reading_a_table(
    database: Database, database_url: str
) -> None:
    version = database.changes()
    if database.engine.dialect.name != "sqlite":
        assert version is None
        return
    assert version is not None
    with database.reading() as connection:  # creates the tables
        connection.exec_driver_sql("SELECT 1")
    before = version()
    assert [version() for _ in range(3)] == [before] * 3
    other = Database(database_url)
    with other.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outputs WHERE 1 = 0")
        connection.exec_driver_sql("CREATE TABLE another (id INTEGER)")
        assert version() == before  # nothing was committed yet
    assert version() != before
    other.engine.dispose()


HOSTILE_FOLDERS = ["why?", "100%", "a%20b", "#1", "a::b", 'it\'s [x] "ünï" $HOME;', "a&b=c", "user:word@host"]


@pytest.mark.parametrize("name", HOSTILE_FOLDERS)
def test_a_database_and_a_store_lie_in_their_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    database = Database(sqlite_url(folder / "platform.sqlite"))
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outputs")
    database.engine.dispose()
    ArtifactStore(str(folder / "store")).put(b"content")
    assert {path.name for path in folder.iterdir() if "-" not in path.name} == {"platform.sqlite", "store"}
    assert [path.name for path in tmp_path.iterdir()] == [name]
