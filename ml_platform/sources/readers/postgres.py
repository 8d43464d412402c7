"""Reading rows of a PostgreSQL database by ADBC, in Arrow batches. The URL, a secret, is never shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ml_platform.core.errors import SchemaChanged, SourceError
from ml_platform.sources.reading.extras import import_extra
from ml_platform.sources.reading.postgres_driver import plain_url, quoted, server_text, stored_columns
from ml_platform.sources.reading.reader import Reader, SourcePart
from ml_platform.sources.reading.table_or_query import TableOrQuery

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project

_ROWS = 65_536
_CAST = {"money": "numeric", "oid": "bigint", "xid": "text", "cid": "text"}


class Postgres(TableOrQuery):
    """Rows of a PostgreSQL database: a table, or the answer to a query."""


class PostgresReader(Reader):
    """A PostgreSQL database, in Arrow batches."""

    name: ClassVar[str] = "postgres"
    has_infinite_times: ClassVar[bool] = True  # the driver gives another number for infinity

    postgres: Postgres = Field(
        description="A connection, and a table or a query.", examples=[{"connection": "shop_db", "table": "sales"}]
    )

    @property
    def label(self) -> str:
        """What is read, as people read it: never the URL."""
        return self.postgres.label

    @property
    def notices_changes(self) -> bool:
        """No: a change shows only in a query to the server."""
        return False

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the server's answer as one part."""
        url = project.spec.file.connections.get(self.postgres.connection, "")
        return [SourcePart(self.label, None, partial(read_postgres, source, self.postgres, url, after))]

    def cursor_text(self, value: pa.Scalar) -> str:
        """Return a value of a cursor as it is written in SQL."""
        import pyarrow as pa

        if pa.types.is_timestamp(value.type):
            kind = "timestamp" if value.type.tz is None else "timestamptz"
            return f"{kind} '{value.as_py().isoformat()}'"
        return str(int(value.as_py()))


def read_postgres(spec: SourceSpec, declared: Postgres, url: str, after: str | None) -> Iterator[pa.Table]:
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
    import pyarrow as pa

    from ml_platform.sources.reading.batch import Batch
    from ml_platform.sources.reading.columns import require_columns

    dbapi = import_extra("adbc_driver_postgresql.dbapi", "postgres", spec.name, "the driver for PostgreSQL")
    where = declared.label
    try:
        with (
            closing(dbapi.connect(plain_url(url), autocommit=True)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"SELECT * FROM {_origin(declared)} LIMIT 0")
            schema = cursor.fetch_arrow_table().schema
            there = require_columns(schema.names, spec, where)
            _require_types(schema, there, spec, where)
            _require_cursor(schema, spec, where, declared.cursor)
            cursor.execute(_query(there, declared, after))
            for batch in cursor.fetch_record_batch():
                for start in range(0, batch.num_rows, _ROWS):
                    rows = stored_columns(pa.Table.from_batches([batch.slice(start, _ROWS)]))
                    yield Batch(rows, columns=schema.names)
    except (dbapi.Error, OSError) as error:
        raise _server_error(spec, where, url, error) from None


def _require_types(schema: pa.Schema, there: Sequence[str], spec: SourceSpec, where: str) -> None:
    """Raise where the driver reads another number than the server shows: cents of money, negative ids of objects."""
    for name in there:
        kind = (schema.field(name).metadata or {}).get(b"POSTGRESQL:type", b"").decode()
        if kind in _CAST:
            problem = f"column {name} is of the server's type {kind}"
            remedy = f"Read it by a query that casts it, such as SELECT {name}::{_CAST[kind]} AS {name}."
            raise SchemaChanged(spec.name, where, problem, remedy, column=name)


def _require_cursor(schema: pa.Schema, spec: SourceSpec, where: str, cursor: str | None) -> None:
    """Raise where the server does not order the cursor as rows become: a text, or a date, which many rows share."""
    import pyarrow as pa

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


def _origin(declared: Postgres) -> str:
    if declared.table is not None:
        return ".".join(quoted(part) for part in declared.table.split("."))
    return f"(\n{declared.query}\n) AS rows"


def _query(there: Sequence[str], declared: Postgres, after: str | None) -> str:
    columns = ", ".join(quoted(name) for name in there)
    query = f"SELECT {columns} FROM {_origin(declared)}"
    if declared.cursor is None or after is None:
        return query
    return f"{query} WHERE {quoted(declared.cursor)} > {after}"


def _server_error(spec: SourceSpec, where: str, url: str, error: Exception) -> SourceError:
    """Return the error in the server's words, without anything of the URL that could be a secret."""
    remedy = "Nothing was changed. Correct the reader, or the server and its URL in project.yaml."
    return SourceError(spec.name, where, f"PostgreSQL reports: {server_text(error, url)}", remedy)
