"""What the database remembers of the store: the hash of every manifest, and the id that every key leads to.

Objects are named by their hash, manifests and keys are not. So a manifest that somebody edited, with a newly computed
hash of its own, still differs from what is remembered here, in another place than the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ml_platform.core.hashing import bytes_hash
from ml_platform.storage.database import Database
from ml_platform.storage.row_log import read_row
from ml_platform.storage.rows import delete_rows, put_row
from ml_platform.storage.tables import METADATA

MANIFESTS = sa.Table(
    "manifests",
    METADATA,
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
)
KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), nullable=False),
)


class ManifestIndex:
    """Remembers manifests and keys as they were written; a store of before it was kept has what it has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def writing(self, kind: str, id: str) -> Iterator[sa.Connection]:
        """Give a connection under which no other writer writes the same artifact."""
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                lock = int.from_bytes(bytes.fromhex(bytes_hash(f"{kind} {id}".encode())[:16]), "big", signed=True)
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
            yield connection

    def remember(self, connection: sa.Connection, kind: str, id: str, sha256: str, key: str) -> None:
        """Remember what was written last under an id and a key."""
        put_row(connection, MANIFESTS, {"kind": kind, "id": id}, {"sha256": sha256})
        put_row(connection, KEYS, {"kind": kind, "key": key}, {"id": id})

    def manifest(self, kind: str, id: str) -> str | None:
        """Return the hash of a manifest as it was written; None where that is not remembered."""
        with self._database.reading() as connection:
            row = read_row(connection, MANIFESTS, kind, id)
        return None if row is None else str(row["sha256"])

    def key(self, kind: str, key: str) -> str | None:
        """Return the id that a key leads to; None where that is not remembered."""
        with self._database.reading() as connection:
            row = read_row(connection, KEYS, kind, key)
        return None if row is None else str(row["id"])

    def manifests(self) -> Iterator[tuple[str, str]]:
        """Yield kind and id of every manifest that was written."""
        yield from self._pairs(sa.select(MANIFESTS.c.kind, MANIFESTS.c.id).order_by(MANIFESTS.c.kind, MANIFESTS.c.id))

    def keys(self) -> Iterator[tuple[str, str]]:
        """Yield kind and name of every key that was written."""
        yield from self._pairs(sa.select(KEYS.c.kind, KEYS.c.key).order_by(KEYS.c.kind, KEYS.c.key))

    def _pairs(self, query: sa.Select[Any]) -> Iterator[tuple[str, str]]:
        with self._database.reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield row[0], row[1]


def forget_file(connection: sa.Connection, path: str) -> None:
    """Forget a manifest or a key that was removed on purpose, by its path in the store; others are not known anyway."""
    folder, _, rest = path.partition("/")
    kind, _, name = rest.partition("/")
    if folder == "manifests":
        here = (MANIFESTS.c.kind == kind) & (MANIFESTS.c.id == name.removesuffix(".json"))
        delete_rows(connection, MANIFESTS, here)
    elif folder == "keys":
        delete_rows(connection, KEYS, (KEYS.c.kind == kind) & (KEYS.c.key == name))
