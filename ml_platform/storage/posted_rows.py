"""Rows that were posted to the prediction service: one SQLite database for each source, which all workers write to.

A transaction is on the disk before it is acknowledged. A row that is sent again as it was is not written again, so a
sender that heard no answer may repeat its request.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_platform.core.private_files import private_folder

RECEIVED_AT = "received_at"
"""The column that the platform adds to each row: when it was posted."""
_WAIT_SECONDS = 10.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS rows (seq INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, "
    "content BLOB NOT NULL, received_at INTEGER NOT NULL, row TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS rows_by_key ON rows (key, seq)",
)
_LAST = "SELECT content, received_at FROM rows WHERE key = ? ORDER BY seq DESC LIMIT 1"
_INSERT = "INSERT INTO rows (key, content, received_at, row) VALUES (?, ?, ?, ?)"
_AT_ONCE = 10_000


@dataclass(frozen=True)
class PostedRow:
    """A row as it was accepted.

    Attributes
    ----------
    seq
        Its number within the source; later rows have larger numbers.
    received_at
        In microseconds since 1970 UTC.
    values
        By column, as JSON has them.
    """

    seq: int
    received_at: int
    values: Mapping[str, Any]


class PostedRows:
    """The posted rows of one source.

    Parameters
    ----------
    path
        The database; it is created by the first row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, rows: Sequence[Mapping[str, Any]], key: Sequence[str], received_at: int) -> int:
        """Write rows, all or none of them, and return how many were new; the disk has them then.

        A row is not new where the last one of its key has the same values. A row is never received before the last one
        of its key, also where the clock went back: it would become known first, and the former row would count as
        the newer one.

        Raises
        ------
        OSError
            Where they cannot be written; none is.
        """
        new = 0
        try:
            with self._opened() as connection, connection:
                connection.execute("BEGIN IMMEDIATE")
                for row in rows:
                    text = json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)
                    name, content = _hash(json.dumps([row[column] for column in key])), _hash(text)
                    last, at = connection.execute(_LAST, (name,)).fetchone() or (None, received_at)
                    if last != content:
                        connection.execute(_INSERT, (name, content, max(at, received_at), text))
                        new += 1
        except sqlite3.Error as error:
            raise OSError(5, f"{self._path.name}: {error}") from error
        return new

    def count(self, up_to: int | None = None) -> tuple[int, int]:
        """Return the number of the last row, and how many rows there are up to a number; zeros where there is none.

        Raises
        ------
        DatabaseUnavailable
        """
        if not self._path.exists():
            return 0, 0
        limit = 2**63 - 1 if up_to is None else up_to
        (counted,) = self._selected("SELECT coalesce(max(seq), 0), count(*) FROM rows WHERE seq <= ?", limit)
        return counted[0], counted[1]

    def read(self, after: int = 0, up_to: int | None = None) -> Iterator[list[PostedRow]]:
        """Yield rows after a number, up to another one, in the order in which they came, in batches.

        Raises
        ------
        DatabaseUnavailable
        """
        if not self._path.exists():
            return
        limit = 2**63 - 1 if up_to is None else up_to
        query = "SELECT seq, received_at, row FROM rows WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        while True:
            rows = self._selected(query, after, limit, _AT_ONCE)
            if not rows:
                return
            yield [PostedRow(seq, at, json.loads(text)) for seq, at, text in rows]
            after = rows[-1][0]

    def remove(self, unwanted: Callable[[Mapping[str, Any]], bool]) -> int:
        """Remove the rows for whose values a condition holds, also from free pages, and return how many there were.

        Raises
        ------
        OSError
            Where the database cannot be written.
        """
        gone = [(row.seq,) for rows in self.read() for row in rows if unwanted(row.values)]
        if not gone:
            return 0
        try:
            with self._opened() as connection:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")  # one transaction: else each row waits for the disk
                    connection.executemany("DELETE FROM rows WHERE seq = ?", gone)
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise OSError(5, f"{self._path.name}: {error}") from error
        return len(gone)

    def _selected(self, query: str, *values: int) -> list[tuple[Any, ...]]:
        try:
            with self._opened() as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            from ml_platform.storage.database_errors import unavailable  # imports SQLAlchemy

            raise unavailable(str(self._path), error) from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        private_folder(self._path.parent)
        with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: a commit waits for the disk
            for table in _TABLES:
                connection.execute(table)
            yield connection


def posted_folder(state: Path) -> Path:
    """Return where the posted rows of a project are, below its state folder."""
    return state / "posted"


def posted_rows(state: Path, source: str) -> PostedRows:
    """Return the posted rows of a source."""
    return PostedRows(posted_folder(state) / f"{source}.sqlite")


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
