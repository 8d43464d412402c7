"""Which manifests and keys are being removed for good: written before the first file goes, cleared after the last.

A process that is stopped in between leaves its list, so that the next removal finishes the work, and verifying knows
that what is missing is no damage.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.rows import delete_rows, insert_missing
from ml_platform.storage.tables import METADATA

REMOVALS = sa.Table("removals", METADATA, sa.Column("path", sa.String(200), primary_key=True))
_FOLDERS = ("manifests/", "keys/")


def begin_removal(database: Database, paths: Iterable[str]) -> None:
    """List the manifests and keys among some files, by their paths below the store's root, as being removed."""
    with database.writing() as connection:
        insert_missing(connection, REMOVALS, [{"path": path} for path in paths if path.startswith(_FOLDERS)])


def unfinished_removals(database: Database) -> list[str]:
    """Return the paths whose removal was begun and not finished, in order."""
    with database.reading() as connection:
        return list(connection.scalars(sa.select(REMOVALS.c.path).order_by(REMOVALS.c.path)))


def end_removal(connection: sa.Connection, path: str) -> None:
    """Take a path off the list, in the transaction in which the database forgets the file."""
    delete_rows(connection, REMOVALS, REMOVALS.c.path == path)
