"""Keys whose rows are not ingested any more, since somebody asked to be forgotten: known by a keyed hash alone.

The hash is an HMAC with a secret that the project's database drew for itself: the list does not show whom it names.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ml_platform.core.hashing import canonical_json, format_instant
from ml_platform.core.plain_values import one_zero
from ml_platform.project import Project
from ml_platform.storage.database import Database
from ml_platform.storage.rows import delete_rows, insert_if_absent
from ml_platform.storage.tables import METADATA, Instant

SECRET = sa.Table(
    "suppression_secret",
    METADATA,
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("secret", sa.String(64), nullable=False),
)

SUPPRESSED = sa.Table(
    "suppressed",
    METADATA,
    sa.Column("entity", sa.String(64), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("at", Instant, nullable=False),
)


def key_hash(database: Database, entity: str, values: Sequence[str]) -> str:
    """Return the keyed hash of one entity's key, given as texts in the order of its columns."""
    return _hash(_secret(database), entity, values)


def suppress(connection: sa.Connection, entity: str, hash: str, at: datetime) -> None:
    """Let no row of an entity be ingested from now on."""
    insert_if_absent(connection, SUPPRESSED, {"entity": entity, "hash": hash, "at": at})


def lift(connection: sa.Connection, entity: str, hash: str) -> bool:
    """Let rows of an entity be ingested again; False where they were not suppressed."""
    here = (SUPPRESSED.c.entity == entity) & (SUPPRESSED.c.hash == hash)
    return delete_rows(connection, SUPPRESSED, here) > 0


def leave_out(project: Project, source: str) -> Callable[[pa.Table], pa.Table]:
    """Return a function that leaves the rows of suppressed keys out of what was read of a source."""
    hashes, held = _held(project, source)
    if not held:
        return lambda rows: rows
    secret = _secret(project.database)

    def kept(rows: pa.Table) -> pa.Table:
        for entity, key in held.items():
            rows = _without(rows, secret, entity, key, hashes[entity])
        return rows

    return kept


def without_suppressed(project: Project, rows: pa.Table) -> pa.Table:
    """Return the rows of a table that are about no suppressed key, by the columns that `key_columns` finds."""
    hashes = _suppressed(project.database)
    held = {name: key for name, key in project.spec.file.entities.items() if name in hashes}
    for entity, key in held.items():
        for columns in key_columns(rows.column_names, key):
            rows = _without(rows, _secret(project.database), entity, list(columns.values()), hashes[entity])
    return rows


def key_columns(columns: Sequence[str], key: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the columns that hold a key, by its names: those with the same names, and all of one prefix, ``x.key``."""
    prefixes = {"", *(name.rpartition(".")[0] + "." for name in columns if "." in name)}
    for prefix in sorted(prefixes):
        named = {name: f"{prefix}{name}" for name in key}
        if set(named.values()) <= set(columns):
            yield named


def suppressed_rows(project: Project, source: str) -> Callable[[Mapping[str, object]], bool]:
    """Return a function that returns whether a row of a source, by column, has a suppressed key."""
    hashes, held = _held(project, source)
    if not held:
        return lambda row: False
    secret = _secret(project.database)

    def has_suppressed_key(row: Mapping[str, object]) -> bool:
        texts = {entity: [key_text(row.get(name)) for name in key] for entity, key in held.items()}
        return any(
            _hash(secret, entity, [value for value in values if value is not None]) in hashes[entity]
            for entity, values in texts.items()
            if None not in values
        )

    return has_suppressed_key


def key_texts(rows: pa.Table, columns: Sequence[str]) -> list[list[str | None]]:
    """Return the texts of each column, by which keys are hashed and compared."""
    return [[key_text(value) for value in rows[name].to_pylist()] for name in columns]


def key_text(value: object) -> str | None:
    """Return the text of one value of a key, by which it is hashed and compared; None for a null."""
    if isinstance(value, datetime):
        return format_instant(value)
    return None if value is None else str(one_zero(value))


def _without(rows: pa.Table, secret: str, entity: str, key: Sequence[str], hashes: set[str]) -> pa.Table:
    distinct = rows.select(list(key)).group_by(list(key)).aggregate([])
    texts = zip(*key_texts(distinct, key), strict=True)
    chosen = [None not in values and _hash(secret, entity, values) in hashes for values in texts]
    for row in distinct.filter(pa.array(chosen, pa.bool_())).to_pylist():
        rows = rows.filter(pc.invert(has_key(rows, row)))
    return rows


def has_key(rows: pa.Table, key: Mapping[str, object]) -> pa.ChunkedArray:
    """Return which rows have a key, given by column; a null never has it."""
    has_all = pa.chunked_array([pa.array([True] * rows.num_rows, pa.bool_())])
    for name, value in key.items():
        same = pc.equal(rows[name], pa.scalar(value, rows[name].type))
        has_all = pc.and_(has_all, pc.fill_null(same, False))
    return has_all


def _held(project: Project, source: str) -> tuple[Mapping[str, set[str]], Mapping[str, Sequence[str]]]:
    """Return the suppressed hashes by entity, and the key columns of those entities whose key a source has."""
    hashes, columns = _suppressed(project.database), project.spec.sources[source].columns
    entities = project.spec.file.entities
    return hashes, {name: key for name, key in entities.items() if name in hashes and set(key) <= set(columns)}


def _suppressed(database: Database) -> dict[str, set[str]]:
    by_entity: dict[str, set[str]] = {}
    with database.reading() as connection:
        for row in connection.execute(sa.select(SUPPRESSED.c.entity, SUPPRESSED.c.hash)):
            by_entity.setdefault(row.entity, set()).add(row.hash)
    return by_entity


def _hash(secret: str, entity: str, values: Sequence[str]) -> str:
    return hmac.new(bytes.fromhex(secret), canonical_json([entity, list(values)]), hashlib.sha256).hexdigest()


def _secret(database: Database) -> str:
    """Return the project's secret, drawn when it is first asked for."""
    with database.reading() as connection:
        secret: str | None = connection.execute(sa.select(SECRET.c.secret)).scalar()
    if secret is not None:
        return secret
    with database.writing() as connection:
        insert_if_absent(connection, SECRET, {"name": "suppression", "secret": secrets.token_hex(32)})
        drawn: str = connection.execute(sa.select(SECRET.c.secret)).scalar_one()
    return drawn
