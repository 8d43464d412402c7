"""Looking at a table of a PostgreSQL database, as at a file: its columns, their types, and how a source reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.operations.new_project.table import (
    TableFacts,
    UnusableFile,
    column_facts,
    name_of,
    new_names,
    require_finite,
)
from ml_platform.sources.reading.extras import import_extra
from ml_platform.sources.reading.postgres_driver import plain_url, quoted, server_text, stored_columns, url_in
from ml_platform.sources.reading.table_or_query import dotted_name

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 1_000_000
"""How many rows are looked at."""
_CAST = {"money": "numeric", "oid": "bigint", "date": "timestamp"}
"""Types of the server that a source reads by a cast."""


def look_at_database(name: str, variable: str, environ: Mapping[str, str]) -> TableFacts:
    """Return the facts of a table, from at most `MOST_ROWS` of its rows.

    Parameters
    ----------
    name
        The table: NAME, or SCHEMA.NAME.
    variable
        The environment variable that holds the address of the database, ``postgresql://...``.

    Raises
    ------
    UnusableFile
        Where the variable is not set, the server cannot be reached, or the table cannot become a source.
    """
    try:
        dotted_name(name, ["SCHEMA"])
    except ValueError as error:
        raise UnusableFile(name, f"the name of a table {error}.") from None
    try:
        url = url_in(variable, environ)
    except ValueError as error:
        raise UnusableFile(name, str(error)) from None
    table = Path(name.rpartition(".")[2])
    rows, kinds = _read(name, url)
    renamed = new_names(table, rows)
    casts = {column: _CAST[kind] for column, kind in kinds.items() if kind in _CAST}
    where = f"table: {name}"
    if casts:
        where = f"query: {json.dumps(_query(name, rows.column_names, casts), ensure_ascii=False)}"
    reader = f"{{postgres: {{connection: {name_of(variable)}, {where}}}}}"
    rows = rows.rename_columns([renamed.get(column, column) for column in rows.column_names])
    require_finite(table, rows)
    return TableFacts(table, rows, column_facts(rows), renamed, {}, reader=reader, variable=variable)


def _read(name: str, url: str) -> tuple[pa.Table, dict[str, str]]:
    """Return the rows with types that declarations have, and the server's type of columns where the driver gives it."""
    import pyarrow as pa

    dbapi = import_extra("adbc_driver_postgresql.dbapi", "postgres", name, "the driver for PostgreSQL")
    try:
        with (
            closing(dbapi.connect(plain_url(url), autocommit=True)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"SELECT * FROM {_table(name)} LIMIT {MOST_ROWS}")
            rows = cursor.fetch_arrow_table()
    except (dbapi.Error, OSError) as error:
        problem = f"PostgreSQL reports: {server_text(error, url)}. Correct the address or the table."
        raise UnusableFile(name, problem) from None
    kinds = {field.name: _kind(field) for field in rows.schema}
    rows = stored_columns(rows)
    for place, field in enumerate(rows.schema):
        if kinds[field.name] == "numeric":
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.float64()))
        elif pa.types.is_date(field.type):
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.timestamp("us")))
    return rows, kinds


def _kind(field: pa.Field) -> str:
    import pyarrow as pa

    if pa.types.is_date(field.type):
        return "date"
    if isinstance(field.type, pa.OpaqueType):
        return str(field.type.type_name)
    return str((field.metadata or {}).get(b"POSTGRESQL:type", b"").decode())


def _query(name: str, columns: list[str], casts: Mapping[str, str]) -> str:
    """Return a query that gives columns the types of the declaration."""
    parts = [
        f"{quoted(column)}::{casts[column]} AS {quoted(column)}" if column in casts else quoted(column)
        for column in columns
    ]
    return f"SELECT {', '.join(parts)} FROM {_table(name)}"


def _table(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))
