"""Which artifact replaced another one: redirects from replaced artifact ids to their successors.

An id names what was made, and manifests, logs and ledger lines, which are never rewritten, cite it. Where rows of an
artifact had to be erased, the rest has an id of its own. This table, in the database and not in the store, leads to it.
"""

from __future__ import annotations

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.rows import delete_rows, insert_row, update_rows
from ml_platform.storage.tables import METADATA

SUCCESSORS = sa.Table(
    "successors",
    METADATA,
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("successor", sa.String(64), nullable=False),
)


def successor(database: Database, kind: str, id: str) -> str | None:
    """Return the id of the artifact that replaced another one, or None where none did."""
    query = sa.select(SUCCESSORS.c.successor).where((SUCCESSORS.c.kind == kind) & (SUCCESSORS.c.id == id))
    with database.reading() as connection:
        id_of_successor: str | None = connection.scalar(query)
    return id_of_successor


def replace_artifact(connection: sa.Connection, kind: str, id: str, by: str) -> None:
    """Record `by` as the successor of an artifact, and of all artifacts that it is the successor of."""
    same = SUCCESSORS.c.kind == kind
    update_rows(connection, SUCCESSORS, same & (SUCCESSORS.c.successor == id), {"successor": by})
    delete_rows(connection, SUCCESSORS, same & (SUCCESSORS.c.id == id))
    insert_row(connection, SUCCESSORS, {"kind": kind, "id": id, "successor": by})
