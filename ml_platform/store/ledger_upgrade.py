"""Chaining the lines of a ledger that was written before lines carried hashes: once, when its database is opened."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ml_platform.store.append_only import may_change
from ml_platform.store.ledger import BEGINNING, LEDGER, append_line, line_hash


def is_chained(connection: sa.Connection) -> bool:
    """Return whether the lines of the ledger carry hashes."""
    return "hash" in {column["name"] for column in sa.inspect(connection).get_columns(LEDGER.name)}


def chain_old_lines(connection: sa.Connection) -> None:
    """Give each old line its hash, and append a line that says so."""
    if is_chained(connection):
        return
    for name in ("previous", "hash"):
        connection.exec_driver_sql(f"ALTER TABLE {LEDGER.name} ADD COLUMN {name} VARCHAR(64)")
    at = _chain(connection)
    connection.exec_driver_sql(f"CREATE UNIQUE INDEX ledger_previous ON {LEDGER.name} (previous)")
    if at is not None:
        _say_so(connection, at)


def _chain(connection: sa.Connection) -> datetime | None:
    """Chain all lines and return when the newest was written."""
    previous, at = BEGINNING, None
    with may_change(connection, LEDGER):
        for row in connection.execute(sa.select(LEDGER).order_by(LEDGER.c.seq)).mappings().all():
            hash = line_hash(dict(row) | {"previous": previous})
            values = {"previous": previous, "hash": hash}
            connection.execute(sa.update(LEDGER).where(LEDGER.c.seq == row["seq"]).values(values))
            previous, at = hash, row["at"]
    return at


def _say_so(connection: sa.Connection, at: datetime) -> None:
    count = connection.scalar(sa.select(sa.func.count()).select_from(LEDGER))
    append_line(
        connection,
        at=at,
        actor="ml-platform",
        action="chain",
        ref="ledger",
        reason="the lines before were written without hashes, and were chained as they stood when this was written",
        facts={"lines": count},
    )
