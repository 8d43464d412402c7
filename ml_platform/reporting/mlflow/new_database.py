"""A new MLflow database in a moment: the schema that the migrations of one MLflow release leave, kept as SQL.

MLflow makes a new database by some sixty migrations, one after the other, in 1.6 s of processor time. ``python -m
ml_platform.reporting.mlflow.new_database`` runs them, and writes their result for the release that is installed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

SCHEMA = Path(__file__).with_name("schema.sql")


def create_database(file: Path) -> bool:
    """Create MLflow's database; return False, and do nothing, where there is one or the schema is of another release.

    Where the process dies, no table is there, and MLflow's own migrations find an empty database.
    """
    schema = SCHEMA.read_text(encoding="utf-8")
    if file.exists() or not schema.startswith(_first_line()):
        return False
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(schema)
    return True


def migrated_schema() -> str:
    """Return what the migrations of the installed MLflow make of an empty database."""
    from mlflow import db

    with TemporaryDirectory() as folder:
        file = Path(folder) / "mlflow.db"
        db.upgrade.callback(f"sqlite:///{file}")
        with closing(sqlite3.connect(file)) as connection:
            return _first_line() + "".join(f"{line}\n" for line in connection.iterdump())


def _first_line() -> str:
    return f"-- MLflow {version('mlflow')}\n"


if __name__ == "__main__":
    SCHEMA.write_text(migrated_schema(), encoding="utf-8")
