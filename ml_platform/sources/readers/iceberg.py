"""An Iceberg table, file by file: appended files are read alone; where files were replaced, the table is read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from ml_platform.core.errors import MissingFile, SourceError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.types import Declaration, Name
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.reading.columns import require_columns
from ml_platform.sources.reading.error_text import error_text
from ml_platform.sources.reading.extras import import_extra
from ml_platform.sources.reading.reader import Reader, SourcePart
from ml_platform.sources.reading.table_or_query import dotted_name

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


class Iceberg(Declaration):
    """A table of an Iceberg catalog."""

    connection: Name = Field(
        description="The name of a connection in project.yaml: the URL of the catalog.", examples=["lake"]
    )
    catalog: str = Field(
        "default",
        min_length=1,
        description="The name of the catalog. A database can hold several.",
        examples=["production"],
    )
    table: str = Field(description="The table to read: NAMESPACE.NAME.", examples=["shop.sales"])

    @field_validator("table")
    @classmethod
    def _in_namespace(cls, table: str) -> str:
        return dotted_name(table, ["NAMESPACE"] * max(1, table.count(".")), least=1)


class IcebergReader(Reader):
    """A table of an Iceberg catalog."""

    name: ClassVar[str] = "iceberg"
    replaces_parts: ClassVar[bool] = True

    iceberg: Iceberg = Field(
        description="A connection, and a table of its catalog.",
        examples=[{"connection": "lake", "table": "shop.sales"}],
    )

    @property
    def label(self) -> str:
        """What is read, as people read it: never the URL."""
        return f"{self.iceberg.connection}: table {self.iceberg.table}"

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the data files of the table's current snapshot."""
        table = self._table(source, project.spec.file.connections.get(self.iceberg.connection, ""))
        names = [field.name for field in table.schema().fields]
        there = require_columns(names, source, self.label)
        scan = table.scan(selected_fields=tuple(there))
        tasks = {_short(task.file.file_path, table.location()): task for task in scan.plan_files()}
        return [
            SourcePart(
                f"{self.iceberg.table}/{path}",
                _fingerprint(task),
                partial(self._tables, source, table, scan, task, there, names),
            )
            for path, task in sorted(tasks.items())
        ]

    def _table(self, source: SourceSpec, url: str) -> Any:
        what = "the library for Iceberg tables"
        catalogs = import_extra("pyiceberg.catalog", "iceberg", source.name, what)
        errors = import_extra("pyiceberg.exceptions", "iceberg", source.name, what)
        try:
            with closing(catalogs.load_catalog(self.iceberg.catalog, uri=url)) as catalog:
                return catalog.load_table(self.iceberg.table)
        except (errors.NoSuchTableError, errors.NoSuchNamespaceError):
            problem = f"the catalog {self.iceberg.catalog} has no such table"
            raise MissingFile(source.name, self.label, problem, "Correct table or catalog in the reader.") from None
        except Exception as error:  # of whatever library the catalog's database or service is asked with
            raise self._unreadable(source, error, url) from None

    def _tables(
        self, source: SourceSpec, table: Any, scan: Any, task: Any, there: Sequence[str], names: Sequence[str]
    ) -> Iterator[Any]:
        """Yield the declared columns of one data file, by the ids of columns, without the rows that are deleted."""
        import pyarrow as pa
        from pyiceberg.io.pyarrow import ArrowScan

        reading = ArrowScan(table.metadata, table.io, scan.projection(), scan.row_filter)
        try:
            for batch in reading.to_record_batches([task]):
                yield Batch(pa.Table.from_batches([batch]).select(list(there)), columns=names)
        except FileNotFoundError:
            where, problem = f"{self.label}/{task.file.file_path}", "the file is gone since the table was listed"
            remedy = "Ingest again; keep snapshots for longer than an ingest takes before they expire."
            raise MissingFile(source.name, where, problem, remedy) from None
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(source, error, "") from None

    def _unreadable(self, source: SourceSpec, error: Exception, url: str) -> SourceError:
        remedy = "Nothing was changed. Correct the reader, or the catalog and its URL in project.yaml."
        problem = f"the Iceberg table cannot be read: {error_text(error, url)}"
        return SourceError(source.name, self.label, problem, remedy)


def _fingerprint(task: Any) -> str:
    """Return what differs when a file's rows do: files are never written twice, but rows of them can be deleted."""
    deletes = sorted(file.file_path for file in task.delete_files)
    return content_id([task.file.file_path, task.file.file_size_in_bytes, deletes])


def _short(path: str, location: str) -> str:
    return path.removeprefix(location).lstrip("/")
