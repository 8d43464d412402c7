"""The ledger: who did what, and why, in lines of which each carries the hash of the one before.

The database refuses to change a line (`append_only`). Who goes round the database breaks the chain: a line that was
changed has another hash, and one that is gone is missed by the next. Each line also carries the head of the row log,
and so binds every row that was written before it.

Time does not run backwards: a line is as late as the line before at least, and carries what the clock read beside it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ml_platform.core.errors import LedgerDamaged
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.storage.append_only import append_only
from ml_platform.storage.row_log import BEGINNING as NO_ROWS
from ml_platform.storage.row_log import last_row_line, read_rows
from ml_platform.storage.rows import put_row
from ml_platform.storage.tables import METADATA, UNBOUND, Instant
from ml_platform.storage.who import host, process_number, real_user

if TYPE_CHECKING:
    from ml_platform.storage.database import Database

BEGINNING = "0" * 64
"""The value in place of the hash before the first line."""
_APPENDING = 0x6D6C6C  # the advisory lock that appending takes

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("clock", Instant, nullable=False),
    sa.Column("os_user", sa.String(200), nullable=False),
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("ref", sa.String(200), nullable=False, index=True),
    sa.Column("previous_of_ref", sa.Integer),
    sa.Column("from_value", sa.String(200)),
    sa.Column("to_value", sa.String(200)),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("rows_seq", sa.Integer, nullable=False),
    sa.Column("rows_hash", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False),
    info={UNBOUND: "its lines are a chain of their own, anchored in the artifact store"},
)
append_only(LEDGER)

LEDGER_REFS = sa.Table(
    "ledger_refs",
    METADATA,
    sa.Column("ref", sa.String(200), primary_key=True),
    sa.Column("line", sa.Integer, nullable=False),
)
"""The last line about each ref, so that its lines are read without those of others, and none is missed."""


@dataclass(frozen=True)
class LedgerLine:
    """Who did what, when and why.

    Attributes
    ----------
    at
        The project's clock, or the instant of the line before where the clock had gone back.
    clock
        What the project's clock read.
    os_user, host, pid
        The operating system's user, the machine and the process that wrote the line.
    actor
        Who acts, by the name that was claimed.
    ref
        The ref that moved, such as ``champion/late_parcel``, or what else the line is about.
    previous_of_ref
        The number of the line before about the same ref.
    rows_seq, rows_hash
        The head of the row log when the line was written.
    previous
        The hash of the line before.
    hash
        The hash of this line, `previous` included.
    """

    seq: int
    at: datetime
    clock: datetime
    os_user: str
    host: str
    pid: int
    actor: str
    action: str
    ref: str
    previous_of_ref: int | None
    from_value: str | None
    to_value: str | None
    reason: str
    facts: dict[str, Any]
    rows_seq: int
    rows_hash: str
    previous: str
    hash: str


@dataclass(frozen=True)
class Head:
    """The last line of the ledger: its hash fixes all lines before it."""

    seq: int
    hash: str


def append_line(
    connection: sa.Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    ref: str,
    reason: str,
    from_value: str | None = None,
    to_value: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> LedgerLine:
    """Append a line in the caller's transaction, as the last that it does: others who append wait for its end.

    Parameters
    ----------
    connection
        Of `Database.writing`.
    at
        What the project's clock reads.
    facts
        Whatever else should be known later; JSON types only.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_APPENDING)))
    last = connection.execute(_HEAD).first()
    rows = last_row_line(connection)
    line: dict[str, Any] = {
        "seq": 1 if last is None else last.seq + 1,
        "at": at if last is None else max(at, last.at),
        "clock": at,
        "os_user": real_user(),
        "host": host(),
        "pid": process_number(),
        "actor": actor,
        "action": action,
        "ref": ref,
        "previous_of_ref": connection.scalar(sa.select(sa.func.max(LEDGER.c.seq)).where(LEDGER.c.ref == ref)),
        "from_value": from_value,
        "to_value": to_value,
        "reason": reason,
        "facts": dict(facts or {}),
        "rows_seq": rows.seq if rows else 0,
        "rows_hash": rows.hash if rows else NO_ROWS,
        "previous": BEGINNING if last is None else last.hash,
    }
    line["hash"] = line_hash(line)
    connection.execute(sa.insert(LEDGER).values(line))
    put_row(connection, LEDGER_REFS, {"ref": ref}, {"line": line["seq"]})
    return LedgerLine(**line)


def line_hash(line: Mapping[str, Any]) -> str:
    """Return the hash of a line: of its canonical JSON with the hash of the line before, without its own."""
    return content_id({name: value for name, value in line.items() if name != "hash"})


def ledger_lines(database: Database, ref: str | None = None) -> list[LedgerLine]:
    """Return the ledger in order, of one ref or of all, each line checked against its hash, and that none is gone.

    The lines of one ref are read without those of others.

    Raises
    ------
    LedgerDamaged
        Naming the first line that is not what it was, or that does not follow from the line before.
    RowDamaged
        Where it cannot be known which line about a ref is the last.
    """
    if ref is not None:
        return _lines_of(database, ref)
    lines: list[LedgerLine] = []
    with database.reading() as connection:
        for row in connection.execute(_RAW):
            line = _checked(tuple(row))
            if line.previous != (lines[-1].hash if lines else BEGINNING):
                raise LedgerDamaged(line.seq, _DOES_NOT_FOLLOW)
            lines.append(line)
    return lines


def _lines_of(database: Database, ref: str) -> list[LedgerLine]:
    with database.snapshot() as connection:
        last = read_rows(connection, LEDGER_REFS, LEDGER_REFS.c.ref == ref, keys=[[ref]])
        rows = connection.execute(_RAW.where(LEDGER.c.ref == ref)).all()
    lines, before = [_checked(tuple(row)) for row in rows], None
    for line in lines:
        if line.previous_of_ref != before:
            raise LedgerDamaged(line.seq, f"it does not follow from the line before about {ref}: {_GONE}")
        before = line.seq
    if before != (last[0]["line"] if last else None):
        raise LedgerDamaged(None, f"its last line about {ref} was removed, added or exchanged")
    return lines


def last_line(connection: sa.Connection, ref: str, beside: sa.ScalarSelect[Any]) -> tuple[Any, LedgerLine | None]:
    """Return a value, and the newest line of a ref as of the same moment, checked against its hash; None for no line.

    Parameters
    ----------
    beside
        What selects the value.
    """
    newest = sa.select(sa.func.max(LEDGER.c.seq)).where(LEDGER.c.ref == ref).scalar_subquery()
    once = sa.select(beside.label("beside")).subquery()
    query = sa.select(once.c.beside, *_COLUMNS).select_from(once.outerjoin(LEDGER, LEDGER.c.seq == newest))
    value, *row = connection.execute(query).one()
    return value, None if row[0] is None else _checked(tuple(row))


def ledger_head(database: Database) -> Head | None:
    """Return number and hash of the last line; None for an empty ledger."""
    with database.reading() as connection:
        last = connection.execute(_HEAD).first()
    return None if last is None else Head(last.seq, last.hash)


def head_at(database: Database, seq: int) -> Head | None:
    """Return number and hash of a line; None where there is none."""
    with database.reading() as connection:
        line = connection.execute(sa.select(LEDGER.c.hash).where(LEDGER.c.seq == seq)).first()
    return None if line is None else Head(seq, line.hash)


def chain_faults(database: Database) -> Iterator[tuple[int, str]]:
    """Yield number and fault of each line that is not what it was, or does not follow from the line before."""
    with database.reading() as connection:
        rows = connection.execution_options(yield_per=1000).execute(_RAW)
        yield from _chain_faults(tuple(row) for row in rows)


def _chain_faults(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, str]]:
    before, hash, at = 0, BEGINNING, ""
    for row in rows:
        seq, previous, stored_hash = row[0], row[-2], row[-1]
        try:
            line = _checked(row)
            if row[1] < at:
                yield seq, f"it is of {row[1]}, earlier than line {before}"
            at = format_instant(line.at)
        except LedgerDamaged as error:
            yield seq, error.problem
        if previous != hash:
            yield seq, f"it does not follow from line {before}: {_GONE}"
        before, hash = seq, stored_hash


_GONE = "a line was removed, added or exchanged"
_DOES_NOT_FOLLOW = f"it does not follow from the line before: {_GONE}"
_HEAD = sa.select(LEDGER.c.seq, LEDGER.c.hash, LEDGER.c.at).order_by(LEDGER.c.seq.desc()).limit(1)
_PLAIN = ("at", "clock", "facts")
_TEXT = {name: sa.cast(sa.type_coerce(LEDGER.c[name], sa.Text), sa.Text).label(name) for name in _PLAIN}
_COLUMNS: list[sa.ColumnElement[Any]] = [_TEXT.get(column.name, column) for column in LEDGER.c]
_RAW = sa.select(*_COLUMNS).order_by(LEDGER.c.seq)
"""Lines as they are stored: what cannot be read is a fault of a line, and no fault of who reads it."""


@functools.lru_cache(maxsize=10_000)
def _checked(row: tuple[Any, ...]) -> LedgerLine:
    """Return a line as it is stored; the same row is hashed once only."""
    fields = dict(zip(LEDGER.c.keys(), row, strict=True))
    try:
        instants = {name: datetime.fromisoformat(fields[name]) for name in ("at", "clock")}
        line = fields | instants | {"facts": json.loads(fields["facts"])}
        actual = line_hash(line) if all(format_instant(at) == fields[name] for name, at in instants.items()) else ""
    except (TypeError, ValueError):
        actual = ""
    if actual != fields["hash"]:
        raise LedgerDamaged(fields["seq"], "it was changed after it had been written")
    return LedgerLine(**line)
