"""Reading a table or a query of a warehouse through Ibis, in Arrow batches."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import PlatformError, SchemaChanged, SourceError
from ml_platform.sources.reading.columns import require_columns
from ml_platform.sources.reading.error_text import error_text
from ml_platform.sources.reading.extras import import_extra
from ml_platform.sources.reading.reader import Reader, SourcePart
from ml_platform.sources.reading.table_or_query import TableOrQuery

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project

_ROWS = 65_536


class WarehouseRows(TableOrQuery):
    """Rows of a warehouse: a table, or the answer to a query."""

    places: ClassVar[tuple[str, ...]] = ("DATABASE", "SCHEMA")


class WarehouseReader(Reader, ABC):
    """A reader of one of Ibis's backends. Its name is that of the backend and of the extra.

    Attributes
    ----------
    title
        The warehouse's name for people.
    module
        The driver that the extra installs.
    options
        The options that Ibis receives beside the URL.
    """

    title: ClassVar[str]
    module: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    @property
    def label(self) -> str:
        """What is read, as people read it: never the URL."""
        return str(self.value.label)

    @property
    def notices_changes(self) -> bool:
        """No: a change shows only in a query to the warehouse."""
        return False

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the warehouse's answer as one part."""
        url = project.spec.file.connections.get(self.value.connection, "")
        return [SourcePart(self.label, None, partial(self._tables, source, url, after))]

    def _tables(self, source: SourceSpec, url: str, after: str | None) -> Iterator[Any]:
        import_extra(self.module, self.name, source.name, f"the driver for {self.title}")
        import ibis
        import pyarrow as pa

        try:
            with closing_backend(ibis.connect(url, **self.options)) as backend:
                rows = rows_of(backend, self.value)
                there = require_columns(rows.columns, source, self.label)
                self._require_cursor(rows, source)
                wanted = select_rows(rows, there, self.value.cursor, after)
                for batch in wanted.to_pyarrow_batches(chunk_size=_ROWS):
                    yield pa.Table.from_batches([batch])
        except PlatformError:
            raise
        except Exception as error:  # of the driver, whatever its classes are
            remedy = "Nothing was changed. Correct the reader, or the connection in project.yaml."
            problem = f"{self.title} reports: {error_text(error, url)}"
            raise SourceError(source.name, self.label, problem, remedy) from None

    def _require_cursor(self, rows: Any, source: SourceSpec) -> None:
        """Raise where the cursor is a text, or a date, which many rows share: it does not show what is new."""
        cursor = self.value.cursor
        if cursor is None:
            return
        kind, is_time = rows[cursor].type(), source.columns[cursor].type == "timestamp"
        if not (kind.is_timestamp() if is_time else kind.is_numeric()):
            problem = f"column {cursor} is {kind} in the warehouse, which is no cursor"
            remedy = f"Take a column of {'timestamps' if is_time else 'integers'}, or cast it in a query."
            raise SchemaChanged(source.name, self.label, problem, remedy, column=cursor)


@contextmanager
def closing_backend(backend: Any) -> Iterator[Any]:
    """Close the connections of one of Ibis's backends at the end."""
    try:
        yield backend
    finally:
        backend.disconnect()


def rows_of(backend: Any, declared: TableOrQuery) -> Any:
    """Return the declared table or query, for Ibis."""
    if declared.table is None:
        return backend.sql(declared.query)
    *place, name = declared.table.split(".")
    return backend.table(name, database=tuple(place) if len(place) > 1 else next(iter(place), None))


def select_rows(rows: Any, columns: Sequence[str], cursor: str | None, after: str | None) -> Any:
    """Return the declared columns of the rows beyond a cursor's value, for Ibis."""
    import ibis

    if cursor is not None and after is not None:
        kind = rows[cursor].type()
        least = ibis.literal(after).cast(kind) if kind.is_timestamp() else ibis.literal(int(after))
        rows = rows.filter(rows[cursor] > least)
    return rows.select(*columns)
