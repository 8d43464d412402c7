"""MLflow's database of a project that was moved or copied: the addresses of its files follow.

MLflow keeps the absolute address of each experiment's and run's files. After a move, new files would still be written
to the old place, and old ones be looked for there.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def move_artifacts(database: Path, folder: Path) -> int:
    """Let the addresses of files in a state folder's MLflow database name the folder where they lie now.

    Parameters
    ----------
    database
        A SQLite database that no other project uses.
    folder
        The folder for the files of runs. Addresses of a folder of the same name elsewhere are changed.

    Returns
    -------
    int
        How many addresses were changed.
    """
    now = folder.as_uri()
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        return sum(
            _move(connection, before, now) for before in _folders(connection, f"/{folder.name}/") if before != now
        )


def _folders(connection: sqlite3.Connection, name: str) -> set[str]:
    """Return the addresses of all folders of this name that experiments keep their files in."""
    rows = connection.execute("SELECT artifact_location FROM experiments WHERE artifact_location LIKE 'file:%'")
    places = [(str(location), str(location).rfind(name)) for (location,) in rows]
    return {location[: at + len(name) - 1] for location, at in places if at >= 0}


def _move(connection: sqlite3.Connection, before: str, now: str) -> int:
    changed = 0
    for table, column in _COLUMNS:
        begins = (len(before) + 1, f"{before}/")
        changed += connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
            (now, len(before) + 1, *begins),
        ).rowcount
    return changed
