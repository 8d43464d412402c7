"""A new MLflow database that is made from SQL, against the one that MLflow's own migrations make."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import db

from ml_platform.reporting.mlflow import new_database
from ml_platform.reporting.mlflow.new_database import create_database

OTHER_RELEASE = "MLflow has another release: run python -m ml_platform.reporting.mlflow.new_database"


def constraints_sorted(sql: str | None) -> tuple[list[str], list[str]]:
    """Return the lines of a statement, its constraints apart: their order differs between runs of the migrations."""
    lines = [line.strip().rstrip(",") for line in (sql or "").splitlines()]
    constraints = [line for line in lines if line.startswith(("CONSTRAINT", "CHECK", "FOREIGN KEY"))]
    return [line for line in lines if line not in constraints], sorted(constraints)


def contents(file: Path) -> dict[str, Any]:
    """Return everything that a database holds: what made its tables, indexes and triggers, and all rows."""
    with closing(sqlite3.connect(file)) as connection:
        made = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        made = [(*facts, constraints_sorted(sql)) for *facts, sql in made]
        tables = [name for kind, name, *_ in made if kind == "table"]
        rows = {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in tables}
        pragmas = ("user_version", "journal_mode", "encoding", "page_size", "auto_vacuum")
        settings = {name: connection.execute(f"PRAGMA {name}").fetchone() for name in pragmas}
    return {"made": made, "rows": rows, "settings": settings}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # those of MLflow's own migrations
def test_a_new_database_holds_what_the_migrations_of_mlflow_make(tmp_path: Path) -> None:
    assert create_database(tmp_path / "new.db"), OTHER_RELEASE
    db.upgrade.callback(f"sqlite:///{tmp_path / 'migrated.db'}")
    expected = contents(tmp_path / "migrated.db")
    assert len(expected["rows"]) > 30
    assert contents(tmp_path / "new.db") == expected


def test_a_database_that_is_there_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "old.db").write_bytes(b"")
    assert not create_database(tmp_path / "old.db")
    assert (tmp_path / "old.db").read_bytes() == b""


def test_another_release_of_mlflow_makes_its_database_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_database, "version", lambda _: "0.0.1")
    assert not create_database(tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
