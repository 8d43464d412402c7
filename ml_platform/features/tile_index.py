"""Where cells that were computed once are stored, by part and by state of a source's chunk.

It is a cache: a feature table lists its own objects in its manifest, and what is not found here is computed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.rows import insert_missing
from ml_platform.storage.tables import METADATA, PERSONAL

_AT_ONCE = 400

CELLS = sa.Table(
    "cells",
    METADATA,
    sa.Column("part", sa.String(64), primary_key=True),
    sa.Column("chunk", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("facts", sa.Text, nullable=False, info=PERSONAL),
)


@dataclass(frozen=True)
class CellObject:
    """One stored object with the cells of one chunk.

    Attributes
    ----------
    id
        The hash of what it holds.
    facts
        Its rows, and from when to when they count.
    """

    id: str
    stored: StoredObject
    facts: Mapping[str, Any]


def find_cells(database: Database, parts: Sequence[str], chunks: Sequence[str]) -> dict[tuple[str, str], CellObject]:
    """Return the stored cells of chunks, by part and chunk."""
    known: dict[tuple[str, str], CellObject] = {}
    with database.reading() as connection:
        for start in range(0, len(chunks), _AT_ONCE):
            wanted = CELLS.c.chunk.in_(chunks[start : start + _AT_ONCE]) & CELLS.c.part.in_(parts)
            for row in connection.execute(sa.select(CELLS).where(wanted)).mappings():
                stored = StoredObject(row["sha256"], row["size"])
                known[row["part"], row["chunk"]] = CellObject(row["id"], stored, json.loads(row["facts"]))
    return known


def record_cells(database: Database, by_place: Mapping[tuple[str, str], CellObject]) -> None:
    """Record stored cells; what another process recorded meanwhile holds the same, and stays."""
    rows = [
        {
            "part": part,
            "chunk": chunk,
            "id": cells.id,
            "sha256": cells.stored.sha256,
            "size": cells.stored.size,
            "facts": json.dumps(dict(cells.facts), sort_keys=True),
        }
        for (part, chunk), cells in by_place.items()
    ]
    with database.writing() as connection:
        insert_missing(connection, CELLS, rows)
