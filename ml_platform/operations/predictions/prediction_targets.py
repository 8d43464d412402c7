"""Where the predictions for a file are written: a CSV or Parquet file, or a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.core.errors import PredictionError
from ml_platform.core.frames import to_frame
from ml_platform.sources.reading.extras import import_extra
from ml_platform.sources.reading.postgres_driver import plain_url, quoted, server_text
from ml_platform.storage.atomic_write import durable_file

REQUEST = "request_id"
"""The column of a table with the id of the call that wrote a row."""


class Target(Protocol):
    """Where predictions are written once all parts are done."""

    @property
    def folder(self) -> Path:
        """Where the parts wait."""

    def write(self, parts: Sequence[Path], request: str) -> None:
        """Write all parts, or nothing; `request` is equal for calls that continue one another."""


@dataclass(frozen=True)
class FileTarget:
    """A CSV or Parquet file, which is replaced."""

    path: Path

    @property
    def folder(self) -> Path:
        """A folder beside the file."""
        return self.path.parent / f".{self.path.name}.parts"

    def write(self, parts: Sequence[Path], request: str) -> None:
        """Write the parts one after the other."""
        schema = _schema(parts)
        with durable_file(self.path) as out:
            if self.path.suffix == ".csv":
                for number, part in enumerate(parts):
                    frame = to_frame(pq.read_table(part).cast(schema))
                    out.write(frame.to_csv(index=False, header=number == 0).encode())
                return
            with pq.ParquetWriter(out, schema) as writer:
                for part in parts:
                    writer.write_table(pq.read_table(part).cast(schema))


@dataclass(frozen=True)
class TableTarget:
    """A table of a PostgreSQL database, to which rows are added; it is made where there is none.

    Attributes
    ----------
    table
        NAME, or SCHEMA.NAME.
    variable
        The environment variable that holds the address, for messages.
    file
        The file that is predicted: parts wait beside it.
    """

    table: str
    url: str
    variable: str
    file: Path

    @property
    def folder(self) -> Path:
        """A folder beside the file that is predicted."""
        return self.file.parent / f".{self.file.name}.{self.table}.parts"

    def write(self, parts: Sequence[Path], request: str) -> None:
        """Add all rows in one transaction, unless an earlier call of the same request has added them.

        Raises
        ------
        PredictionError
            With what the server reports.
        """
        dbapi = import_extra("adbc_driver_postgresql.dbapi", "postgres", self.table, "the driver for PostgreSQL")
        try:
            with closing(dbapi.connect(plain_url(self.url))) as connection, closing(connection.cursor()) as cursor:
                if not self._has(cursor, request):
                    self._add(cursor, parts, request)
                connection.commit()
        except (dbapi.Error, OSError) as error:
            remedy = f"Correct the table, or the address in {self.variable}; the same command continues"
            raise PredictionError(
                f"table {self.table}: PostgreSQL reports: {server_text(error, self.url)}. {remedy}."
            ) from None

    def _has(self, cursor: Any, request: str) -> bool:
        name = ".".join(quoted(part) for part in self.table.split("."))
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (self.table,))
        cursor.execute("SELECT to_regclass($1) IS NOT NULL", (name,))
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(f"SELECT EXISTS (SELECT FROM {name} WHERE {quoted(REQUEST)} = $1)", (request,))
        return bool(cursor.fetchone()[0])

    def _add(self, cursor: Any, parts: Sequence[Path], request: str) -> None:
        schema = pa.schema(
            [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in _schema(parts)]
        )
        whole = schema.append(pa.field(REQUEST, pa.string()))

        def batches() -> Iterator[pa.RecordBatch]:
            for part in parts:
                table = pq.read_table(part).cast(schema)
                named = table.append_column(REQUEST, pa.repeat(pa.scalar(request), table.num_rows))
                yield from named.cast(whole).to_batches()

        where, _, name = self.table.rpartition(".")
        rows = pa.RecordBatchReader.from_batches(whole, batches())
        cursor.adbc_ingest(name, rows, mode="create_append", db_schema_name=where or None)


def _schema(parts: Sequence[Path]) -> pa.Schema:
    """Return the columns of all parts. One that is null in a whole part has the type that it has in others."""
    return pa.unify_schemas([pq.read_schema(part) for part in parts], promote_options="permissive")
