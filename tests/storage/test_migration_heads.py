"""A database that records two newest migrations is repaired, where the migrations say which comes last."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.migration_heads import repair_heads

MIGRATION = """
revision = {revision!r}
down_revision = {before!r}


def upgrade():
    pass
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Migrations a -> b -> c, and a -> other."""
    folder = tmp_path / "scripts"
    (folder / "versions").mkdir(parents=True)
    for revision, before in [("a", None), ("b", "a"), ("c", "b"), ("other", "a")]:
        (folder / f"versions/{revision}.py").write_text(MIGRATION.format(revision=revision, before=before))
    return folder


def database(tmp_path: Path, *recorded: str) -> Path:
    file = tmp_path / "runs.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(name,) for name in recorded])
    return file


def recorded(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute("SELECT version_num FROM alembic_version")]


@pytest.mark.parametrize("both", [("c", "a"), ("a", "c"), ("c", "b", "a"), ("c", "c")])
def test_the_newest_of_two_is_kept(both: tuple[str, ...], scripts: Path, tmp_path: Path) -> None:
    file = database(tmp_path, *both)
    repair_heads(file, scripts)
    assert recorded(file) == ["c"]


def test_one_migration_needs_no_repair_and_no_scripts(tmp_path: Path) -> None:
    file = database(tmp_path, "b")
    assert repair_heads(file, tmp_path / "none") == ()
    assert recorded(file) == ["b"]
    assert repair_heads(tmp_path / "missing.db", tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("both", "problem"), [(("c", "other"), "none of them includes the others"), (("c", "newer"), "newer")]
)
def test_two_of_which_neither_comes_last_are_an_error(
    both: tuple[str, ...], problem: str, scripts: Path, tmp_path: Path
) -> None:
    file = database(tmp_path, *both)
    with pytest.raises(DatabaseUnavailable, match=problem):
        repair_heads(file, scripts)
    assert recorded(file) == list(both)


def test_a_file_that_is_no_database_is_named(scripts: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    file.write_text("not a database, and longer than the header of one, which has a hundred bytes " * 3)
    with pytest.raises(DatabaseUnavailable, match=r"runs\.db: file is not a database"):
        repair_heads(file, scripts)
