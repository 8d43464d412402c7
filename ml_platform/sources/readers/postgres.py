"""Reading rows of a PostgreSQL database by ADBC, in Arrow batches. The URL, a secret, is told nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.errors import SchemaChanged, SourceError
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.readers.files import require_columns

_ROWS = 65_536
_CAST = {"money": "numeric", "oid": "bigint", "xid": "text", "cid": "text"}


def read_postgres(spec: SourceSpec, url: str, after: str | None) -> Iterator[pa.Table]:
    """Yield the declared columns of a table's or query's rows.

    Parameters
    ----------
    url
        Where the database is; the name of a driver, as SQLAlchemy takes it, is left out.
    after
        The SQL literal of the cursor's largest value so far: only rows beyond are read.

    Raises
    ------
    SourceError, SchemaChanged
    """
    dbapi = _driver(spec)
    reader = spec.reader.postgres
    assert reader is not None
    try:
        with (
            closing(dbapi.connect(_plain_url(url), autocommit=True)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"SELECT * FROM {_origin(spec)} LIMIT 0")
            schema = cursor.fetch_arrow_table().schema
            require_columns(schema.names, spec, reader.told)
            _require_types(schema, spec, reader.told)
            _require_cursor(schema, spec, reader.told)
            cursor.execute(_query(spec, after))
            for batch in cursor.fetch_record_batch():
                for start in range(0, batch.num_rows, _ROWS):
                    yield _stored(pa.Table.from_batches([batch.slice(start, _ROWS)]))
    except (dbapi.Error, OSError) as error:
        raise _told(spec, url, error) from None


def cursor_literal(value: pa.Scalar) -> str:
    """Return a value of a cursor as it stands in SQL."""
    if pa.types.is_timestamp(value.type):
        kind = "timestamp" if value.type.tz is None else "timestamptz"
        return f"{kind} '{value.as_py().isoformat()}'"
    return str(int(value.as_py()))


def _require_types(schema: pa.Schema, spec: SourceSpec, where: str) -> None:
    """Raise where the driver reads another number than the server shows: cents of money, negative ids of objects."""
    for name in spec.columns:
        kind = (schema.field(name).metadata or {}).get(b"POSTGRESQL:type", b"").decode()
        if kind in _CAST:
            problem = f"column {name} is of the server's type {kind}"
            remedy = f"Read it by a query that casts it, such as SELECT {name}::{_CAST[kind]} AS {name}."
            raise SchemaChanged(spec.name, where, problem, remedy, column=name)


def _require_cursor(schema: pa.Schema, spec: SourceSpec, where: str) -> None:
    """Raise where the server does not order the cursor as rows become: a text, or a date, which many rows share."""
    cursor = spec.reader.postgres.cursor if spec.reader.postgres else None
    if cursor is None:
        return
    field = schema.field(cursor)
    is_time = spec.columns[cursor].type == "timestamp"
    is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    is_number = is_number or (field.metadata or {}).get(b"POSTGRESQL:type") == b"numeric"
    if not (pa.types.is_timestamp(field.type) if is_time else is_number):
        problem = f"column {cursor} is {field.type} on the server, which is no cursor"
        remedy = f"Take a column of {'timestamps' if is_time else 'integers'}, or cast it in a query."
        raise SchemaChanged(spec.name, where, problem, remedy, column=cursor)


def _driver(spec: SourceSpec) -> Any:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise SourceError(
            spec.name,
            "reader.postgres",
            "the driver for PostgreSQL is not installed",
            "Install it with: pip install 'ml-platform[postgres]'.",
        ) from None
    return dbapi


def _origin(spec: SourceSpec) -> str:
    reader = spec.reader.postgres
    assert reader is not None
    if reader.table is not None:
        return ".".join(_quoted(part) for part in reader.table.split("."))
    return f"(\n{reader.query}\n) AS rows"


def _query(spec: SourceSpec, after: str | None) -> str:
    columns = ", ".join(_quoted(name) for name in spec.columns)
    query = f"SELECT {columns} FROM {_origin(spec)}"
    cursor = spec.reader.postgres.cursor if spec.reader.postgres else None
    return query if cursor is None or after is None else f"{query} WHERE {_quoted(cursor)} > {after}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _stored(table: pa.Table) -> pa.Table:
    """Return a table whose columns of types that Arrow does not know are what they are stored as."""
    for place, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            table = table.set_column(place, field.name, _plain(table.column(place)))
    return table


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(values.type, pa.UuidType):
        return pa.chunked_array([[value and str(value) for value in values.to_pylist()]], pa.string())
    plain = values.cast(values.type.storage_type)
    if not (isinstance(values.type, pa.OpaqueType) and values.type.type_name == "numeric"):
        return plain
    is_nan = pc.equal(pc.utf8_lower(plain), "nan")  # no number, whatever the declared type
    return pc.if_else(pc.fill_null(is_nan, False), pa.scalar(None, plain.type), plain)


def _plain_url(url: str) -> str:
    """Return the URL without the driver that SQLAlchemy's form names: ``postgresql+psycopg://`` is ``postgresql://``."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def _told(spec: SourceSpec, url: str, error: Exception) -> SourceError:
    """Return the error in the server's words, without anything of the URL that could be a secret."""
    reader = spec.reader.postgres
    assert reader is not None
    text = " ".join(str(error).partition("Query was:")[0].split())
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    remedy = "Nothing was changed. Correct the reader, or the server and its URL in project.yaml."
    return SourceError(spec.name, reader.told, f"PostgreSQL says: {text[:300].rstrip('.')}", remedy)


def _secrets(url: str) -> list[str]:
    """Return the parts of a URL that must not be told, also of one that cannot be read; the longest first."""
    location, _, query = _plain_url(url).partition("://")[2].partition("?")
    user, _, password = location.rpartition("@")[0].partition(":")
    options = [option.partition("=")[2] for option in query.split("&")]
    parts = [url, _plain_url(url), location, query, f"{user}:{password}", password, *options]
    found = {text for part in parts for text in (part, unquote(part)) if len(text) > 1}
    return sorted(found, key=lambda text: (-len(text), text))
