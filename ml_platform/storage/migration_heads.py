"""Repair of a database whose creation was interrupted or raced: it records more than one migration as its newest.

Dagster and MLflow keep their tables with Alembic, which records the newest migration in the table ``alembic_version``.
Two processes that create one SQLite database at the same time leave two rows there, and from then on neither can open
it. The tables are complete: both processes create all of them as the newest migration defines them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from ml_platform.storage.database_errors import DatabaseUnavailable

_TABLE = "alembic_version"


def repair_heads(file: Path, scripts: Path) -> Collection[str]:
    """Keep the newest of the migrations that a SQLite database records, and return those that were removed.

    Parameters
    ----------
    file
        The database. A missing one, or one without migrations, needs no repair.
    scripts
        The folder with the migrations of its owner, as Alembic reads them.

    Raises
    ------
    DatabaseUnavailable
        Where the migrations are unknown to the installed version, or none of them includes the others.
    """
    recorded = _recorded(file)
    if len(recorded) < 2:
        return ()
    newest = _newest(recorded, file, scripts)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"DELETE FROM {_TABLE}")
        connection.execute(f"INSERT INTO {_TABLE} VALUES (?)", (newest,))
    return [name for name in recorded if name != newest]


def _recorded(file: Path) -> list[str]:
    if not file.is_file() or not file.stat().st_size:
        return []
    try:
        with closing(sqlite3.connect(file)) as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone()
            return [row[0] for row in connection.execute(f"SELECT * FROM {_TABLE}")] if known else []
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(file), str(error), "Restore the file from a copy.") from error


def _newest(recorded: Collection[str], file: Path, scripts: Path) -> str:
    """Return the one migration that comes after all others."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError
    from alembic.util.exc import CommandError

    settings = Config()
    settings.set_main_option("script_location", str(scripts).replace("%", "%%"))
    directory = ScriptDirectory.from_config(settings)
    try:
        for name in recorded:
            if set(recorded) <= {script.revision for script in directory.iterate_revisions(name, "base")}:
                return name
    except (CommandError, RevisionError) as error:
        raise _unknown(file, recorded, str(error)) from error
    raise _unknown(file, recorded, "none of them includes the others")


def _unknown(file: Path, recorded: Collection[str], problem: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        str(file),
        f"it records the migrations {', '.join(sorted(recorded))}, and {problem}",
        "Restore the file from a copy, or install the version that wrote it.",
    )
