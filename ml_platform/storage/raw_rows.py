"""Rows as they are stored, byte for byte: what the row log hashes and what verify holds against it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ml_platform.storage.tables import Instant

NULL = "-"


@dataclass(frozen=True)
class RawRow:
    """A row as the database holds it.

    Attributes
    ----------
    key
        Its primary key, as a JSON list.
    text
        All of its columns, each with the type that it is stored as.
    """

    key: str
    text: str


@functools.cache
def raw_columns(table: sa.Table, dialect: str) -> tuple[sa.ColumnElement[Any], ...]:
    """Return an expression for each column that gives its type and its bytes as text, whatever is stored there."""
    return tuple(_raw(column, dialect).label(f"raw_{number}") for number, column in enumerate(table.c))


def _raw(column: sa.Column[Any], dialect: str) -> sa.ColumnElement[Any]:
    if dialect == "postgresql":
        text = sa.func.convert_to(sa.cast(column, sa.Text), "UTF8")
        return sa.func.coalesce(sa.literal_column("'t'").concat(sa.func.encode(text, "hex")), NULL)
    name = f'"{column.table.name}"."{column.name}"'
    hexed = f"substr(typeof({name}), 1, 1) || hex({name})"
    return sa.literal_column(
        f"CASE typeof({name}) WHEN 'null' THEN '{NULL}' WHEN 'integer' THEN 'i' || {name} ELSE {hexed} END", sa.Text
    )


def raw_row(table: sa.Table, values: Sequence[str]) -> RawRow:
    """Return a row from what its `raw_columns` gave."""
    key = [_readable(value) for column, value in zip(table.c, values, strict=True) if column.primary_key]
    return RawRow(key_text(key), "|".join(values))


def _readable(value: str) -> Any:
    """Return a raw value for people: what is no text is shown with escapes."""
    if value == NULL:
        return None
    if value[0] == "i":
        return int(value[1:])
    return bytes.fromhex(value[1:]).decode(errors="backslashreplace")


def raw_rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool] | None = None
) -> Iterator[RawRow]:
    """Yield the rows of a table as they are stored."""
    query = _all_raw(table, connection.dialect.name)
    query = query if where is None else query.where(where)
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield raw_row(table, row)


@functools.cache
def _all_raw(table: sa.Table, dialect: str) -> sa.Select[Any]:
    return sa.select(*raw_columns(table, dialect)).select_from(table)


def is_absent(table: sa.Table, values: Sequence[str]) -> bool:
    """Return whether an outer join found no row: its primary key is null."""
    return all(value == NULL for column, value in zip(table.c, values, strict=True) if column.primary_key)


def values_of(table: sa.Table, text: str) -> dict[str, Any]:
    """Return the values of a row that was checked, by column."""
    parts = zip(table.c, text.split("|"), strict=True)
    return {column.name: _value(column.type, raw) for column, raw in parts}


def _value(kind: Any, raw: str) -> Any:
    if raw == NULL:
        return None
    text = raw[1:] if raw[0] == "i" else bytes.fromhex(raw[1:]).decode()
    if isinstance(kind, Instant):
        return datetime.fromisoformat(text)
    if isinstance(kind, sa.Boolean):
        return text in ("1", "true")
    return int(text) if isinstance(kind, sa.Integer) else text


def key_text(values: Sequence[Any]) -> str:
    """Return how the row log names the row with this primary key."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
