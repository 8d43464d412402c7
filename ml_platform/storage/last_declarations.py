"""By which declaration each node was made last, and the whole project was run last, to see what has changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa

from ml_platform.core.hashing import canonical_json
from ml_platform.storage.database import Database
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import METADATA

DECLARED = sa.Table(
    "declared",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("node", sa.String(200), nullable=False, index=True),
    sa.Column("part", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

_WHOLE_RUN = "project"


def record_declared(database: Database, node: str, part: Mapping[str, Any]) -> None:
    """Record what decided `node` when it was made; what is recorded last already is not recorded again."""
    text = canonical_json(part).decode()
    if _last(database, node) == text:
        return
    with database.writing() as connection:
        insert_row(connection, DECLARED, {"node": node, "part": text})


def last_declared(database: Database, node: str) -> dict[str, Any] | None:
    """Return what decided `node` when it was made last; None where that was not recorded."""
    text = _last(database, node)
    return None if text is None else dict(json.loads(text))


def record_step(database: Database) -> None:
    """Record that a step began: what a later run finds may not be what the last whole run left."""
    record_declared(database, _WHOLE_RUN, {})


def record_whole_run(database: Database, files: str) -> None:
    """Record that every step succeeded with the declarations of a hash, and this version of the platform."""
    record_declared(database, _WHOLE_RUN, {"files": files, "platform": version("ml-platform")})


def is_of_last_whole_run(database: Database, files: str) -> bool:
    """Return whether no step began since a run of every step, with the declarations of a hash and this version, ended.

    A step of another run may have made other artifacts the last ones, have recorded other checks, or have been killed.
    """
    return last_declared(database, _WHOLE_RUN) == {"files": files, "platform": version("ml-platform")}


def _last(database: Database, node: str) -> str | None:
    query = sa.select(DECLARED.c.part).where(DECLARED.c.node == node).order_by(DECLARED.c.seq.desc()).limit(1)
    with database.reading() as connection:
        text: str | None = connection.scalar(query)
    return text
