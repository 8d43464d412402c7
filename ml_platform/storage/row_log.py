"""The row log: the hash of every row of the database at each change, in a chain that the ledger anchors.

Rows change (a day of predictions points at a new state), so that a table of them cannot be append-only. Each change
appends one line here: which row, and a salted hash of all that it holds, or that it was removed. Each line carries a
hash over the line before. The last line of a row must agree with the row; every ledger line carries the head of this
log. A table takes part unless its declaration gives a reason why not (`UNBOUND`).

The salt keeps a hash from being a way back to a value that was erased: without the salt the hash reveals nothing.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ml_platform.core.errors import RowDamaged
from ml_platform.core.hashing import content_id
from ml_platform.storage.append_only import append_only
from ml_platform.storage.raw_rows import RawRow, is_absent, key_text, raw_columns, raw_rows, values_of
from ml_platform.storage.tables import METADATA, UNBOUND

BEGINNING = "0" * 64
"""The value in place of the hash before the first line."""
LOGGED: dict[str, Any] = {"row_log": True}
"""Execution options of a statement whose changes are noted: any other change of a bound table is refused."""
_APPENDING = 0x6D6C72  # the advisory lock that appending takes
_CHANGES = "ml_platform row changes"
_AT_ONCE = 400

ROW_LOG = sa.Table(
    "row_log",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("table_name", sa.String(40), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("row", sa.String(64)),
    sa.Column("salt", sa.String(32)),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("row_log_key", "table_name", "key", "seq"),
    info={UNBOUND: "it is the chain itself, and its head is in the ledger"},
)
append_only(ROW_LOG, except_for="salt")


@dataclass(frozen=True)
class RowHead:
    """The last line of the row log: its number and its hash, which depends on all lines before."""

    seq: int
    hash: str


def bound_tables() -> list[sa.Table]:
    """Return the tables whose rows the log binds, by name."""
    return sorted((table for table in METADATA.tables.values() if is_bound(table)), key=lambda table: table.name)


def is_bound(table: sa.Table) -> bool:
    """Return whether the log binds a table's rows."""
    return UNBOUND not in table.info


# Writing ------------------------------------------------------------------------------


def note_changes(connection: sa.Connection, table: sa.Table, rows: Iterable[RawRow], *, removed: bool = False) -> None:
    """Note rows that were written or removed in a transaction; `append_changes` appends them when it ends."""
    changes = connection.info.setdefault(_CHANGES, {})
    for row in rows:
        changes[table.name, row.key] = None if removed else row.text


def forget_changes(connection: sa.Connection) -> None:
    """Forget what was noted in a transaction that did not end well."""
    connection.info.pop(_CHANGES, None)


def append_changes(connection: sa.Connection) -> None:
    """Append what was noted, as the last of a transaction: others that append wait for its end, and hold no row."""
    changes = connection.info.pop(_CHANGES, None)
    if not changes:
        return
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_APPENDING)))
    head = last_row_line(connection) or RowHead(0, BEGINNING)
    lines = []
    for (name, key), text in changes.items():
        salt = None if text is None else secrets.token_hex(16)
        row = None if text is None or salt is None else row_hash(salt, text)
        head = RowHead(head.seq + 1, line_hash(head.hash, head.seq + 1, name, key, row))
        line = {"seq": head.seq, "table_name": name, "key": key, "row": row, "salt": salt, "hash": head.hash}
        lines.append(line)
    connection.execute(sa.insert(ROW_LOG), lines)


def forget_salts(connection: sa.Connection, table: sa.Table, keys: Sequence[str]) -> None:
    """Remove the salts of all lines of some rows: their hashes then reveal nothing of what the rows held.

    To be called before the rows are written again, which gives them a line with a new salt.
    """
    for start in range(0, len(keys), _AT_ONCE):
        here = (ROW_LOG.c.table_name == table.name) & ROW_LOG.c.key.in_(keys[start : start + _AT_ONCE])
        connection.execute(sa.update(ROW_LOG).where(here).values(salt=None))


def row_hash(salt: str, text: str) -> str:
    """Return the salted SHA-256 of a row."""
    return hashlib.sha256(f"{salt} {text}".encode()).hexdigest()


def line_hash(previous: str, seq: int, table: str, key: str, row: str | None) -> str:
    """Return the hash of a line, which depends on the hash of the line before."""
    return content_id([previous, seq, table, key, row])


# Reading --------------------------------------------------------------------------------


def last_row_line(connection: sa.Connection) -> RowHead | None:
    """Return number and hash of the last line; None for an empty log."""
    last = connection.execute(sa.select(ROW_LOG.c.seq, ROW_LOG.c.hash).order_by(ROW_LOG.c.seq.desc()).limit(1)).first()
    return None if last is None else RowHead(last.seq, last.hash)


def logged_rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool] | None = None
) -> dict[str, tuple[str | None, str | None]]:
    """Return hash and salt of the last line of each row of a table, by key; no hash of a row that was removed.

    Parameters
    ----------
    where
        Which lines; all of the table by default.
    """
    here = ROW_LOG.c.table_name == table.name
    here = here if where is None else here & where
    last = sa.select(sa.func.max(ROW_LOG.c.seq)).where(here).group_by(ROW_LOG.c.key)
    query = sa.select(ROW_LOG.c.key, ROW_LOG.c.row, ROW_LOG.c.salt).where(ROW_LOG.c.seq.in_(last))
    return {row.key: (row.row, row.salt) for row in connection.execute(query)}


def row_problem(text: str | None, logged: tuple[str | None, str | None] | None) -> str | None:
    """Return what is wrong with a row, None where it is as it was written.

    Parameters
    ----------
    text
        The row as it is stored; None for no row.
    logged
        Hash and salt of its last line; None for no line.
    """
    row, salt = logged or (None, None)
    if text is None:
        return None if row is None else "the row was removed without a line in the row log"
    if row is None:
        return "the row was added without a line in the row log"
    return None if salt is not None and row_hash(salt, text) == row else "the row was changed after it had been written"


def read_rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], keys: Sequence[Sequence[Any]] = ()
) -> list[dict[str, Any]]:
    """Return rows of a table, each checked against its last line in the row log.

    Parameters
    ----------
    connection
        Of `Database.snapshot` or `Database.writing`: row and line are then of one moment.
    keys
        Primary keys that `where` selects: one of them that was removed without a line is found, too.

    Raises
    ------
    RowDamaged
        Where a row is not what was written, or one is gone.
    """
    raw = {row.key: row.text for row in raw_rows(connection, table, where)}
    known = list(dict.fromkeys([*raw, *(key_text(key) for key in keys)]))
    logged: dict[str, tuple[str | None, str | None]] = {}
    for start in range(0, len(known), _AT_ONCE):
        logged |= logged_rows(connection, table, ROW_LOG.c.key.in_(known[start : start + _AT_ONCE]))
    for key in known:
        _require(table, key, raw.get(key), logged.get(key))
    return [values_of(table, text) for text in raw.values()]


def read_row(connection: sa.Connection, table: sa.Table, *key: Any) -> dict[str, Any] | None:
    """Return the row with a primary key, checked against its last line in the row log, in one statement.

    Raises
    ------
    RowDamaged
        Where the row is not what was written, or is gone.
    """
    name, parameters = key_text(key), {f"key_{number}": value for number, value in enumerate(key)}
    query = _row_and_line(table, connection.dialect.name)
    row, salt, *values = connection.execute(query, {"row_key": name, **parameters}).one()
    text = None if is_absent(table, values) else "|".join(values)
    _require(table, name, text, (row, salt))
    return None if text is None else values_of(table, text)


@functools.cache
def _row_and_line(table: sa.Table, dialect: str) -> sa.Select[Any]:
    """Return the query of one row, with the last line of it."""
    here = (ROW_LOG.c.table_name == table.name) & (ROW_LOG.c.key == sa.bindparam("row_key"))
    head = sa.select(sa.func.max(ROW_LOG.c.seq).label("seq")).where(here).subquery()
    same = [column == sa.bindparam(f"key_{number}") for number, column in enumerate(table.primary_key.columns)]
    one = head.outerjoin(ROW_LOG, ROW_LOG.c.seq == head.c.seq).outerjoin(table, sa.and_(*same))
    return sa.select(ROW_LOG.c.row, ROW_LOG.c.salt, *raw_columns(table, dialect)).select_from(one)


def _require(table: sa.Table, key: str, text: str | None, logged: tuple[str | None, str | None] | None) -> None:
    problem = row_problem(text, logged)
    if problem is not None:
        raise RowDamaged(table.name, key, problem)
