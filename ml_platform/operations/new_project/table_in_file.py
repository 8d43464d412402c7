"""Looking at a table of a DuckDB or SQLite file. The project gets a copy of its rows, as a Parquet file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import listed, suggest
from ml_platform.operations.new_project.table import TableFacts, UnusableFile, facts_of_rows, with_types

if TYPE_CHECKING:
    import pyarrow as pa

_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"
_MOST_TABLES = 20
_TABLES = """
SELECT CASE table_schema WHEN 'main' THEN '' ELSE table_schema || '.' END || table_name
FROM information_schema.tables WHERE table_catalog = current_database() ORDER BY 1"""
_TABLES_OF_SQLITE = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
)


def holds_tables(file: Path) -> bool:
    """Return whether a file is a DuckDB or SQLite database, by its first bytes."""
    return file.is_file() and _kind(file) is not None


def look_at_table(file: Path, table: str | None) -> TableFacts:
    """Read one table of a database file.

    Parameters
    ----------
    table
        Its name; ``schema.name`` outside of DuckDB's main schema. None where the file has one table only.

    Raises
    ------
    UnusableFile
        Where the file cannot be read, or does not have the table; the sentence lists the tables.
    """
    kind = _kind(file) or _DUCKDB
    title, read = ("SQLite", _from_sqlite) if kind == _SQLITE else ("DuckDB", _from_duckdb)
    try:
        name, rows = read(file, lambda names: _chosen(file, title, names, table))
    except _faults() as error:
        reported = str(error).splitlines()[0]
        problem = f"{title} cannot read the file: {reported}. Close programs that have it open, or repair it."
        raise UnusableFile(file, problem) from None
    return replace(facts_of_rows(file, rows, name), copied=with_types(rows))


def _kind(file: Path) -> bytes | None:
    with file.open("rb") as stream:
        start = stream.read(16)
    return _SQLITE if start == _SQLITE else _DUCKDB if start[8:12] == _DUCKDB else None


def _faults() -> tuple[type[Exception], ...]:
    import duckdb

    return duckdb.Error, sqlite3.Error, OSError


def _chosen(file: Path, title: str, names: Sequence[str], table: str | None) -> str:
    """Return the table to read: the one that is named, or the only one."""
    if not names:
        raise UnusableFile(file, f"this {title} file has no table. Name another file.")
    if table in names:
        return str(table)
    tables = f"It has {'the tables ' if len(names) > 1 else 'the table '}{listed(names, limit=_MOST_TABLES)}."
    if table is not None:
        raise UnusableFile(file, f"this {title} file has no table {table!r}. {suggest(table, names)} {tables}")
    if len(names) > 1:
        raise UnusableFile(
            file, f"this {title} file has {len(names)} tables. {tables} Name one: --table {quote(names[0])}."
        )
    return names[0]


def _from_duckdb(file: Path, choose: Callable[[Sequence[str]], str]) -> tuple[str, pa.Table]:
    import duckdb

    with closing(duckdb.connect(str(file), read_only=True)) as connection:
        name = choose([row[0] for row in connection.execute(_TABLES).fetchall()])
        where = ".".join(_quoted(part) for part in name.split(".", 1)) if "." in name else _quoted(name)
        rows = connection.sql(f"SELECT * FROM {where}").to_arrow_table()
    return name, rows


def _from_sqlite(file: Path, choose: Callable[[Sequence[str]], str]) -> tuple[str, pa.Table]:
    import pyarrow as pa

    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        name = choose([row[0] for row in connection.execute(_TABLES_OF_SQLITE)])
        cursor = connection.execute(f"SELECT * FROM {_quoted(name)}")
        heads = [head[0] for head in cursor.description]
        columns = list(zip(*cursor.fetchall(), strict=True)) or [() for _ in heads]
    return name, pa.table({head: _typed(values) for head, values in zip(heads, columns, strict=True)})


def _typed(values: Sequence[Any]) -> pa.Array:
    """Return a column of SQLite, whose cells each have a type, as a column with one type."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or kinds == {bytes}:
        return pa.array(values, pa.float64() if float in kinds else pa.binary() if kinds == {bytes} else pa.int64())
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
