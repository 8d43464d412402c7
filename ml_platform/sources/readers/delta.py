"""A Delta table, file by file: what was appended is read alone, and a table whose files were replaced is read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ml_platform.core.errors import MissingFile, SourceError
from ml_platform.core.hashing import content_id
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.reading.columns import require_columns
from ml_platform.sources.reading.error_text import error_text
from ml_platform.sources.reading.extras import import_extra
from ml_platform.sources.reading.reader import Reader, SourcePart

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project

_ROWS = 65_536


class DeltaReader(Reader):
    """A Delta table."""

    name: ClassVar[str] = "delta"
    addresses: ClassVar[tuple[str, ...]] = ("delta",)
    replaces_parts: ClassVar[bool] = True

    delta: str = Field(
        description="The folder of the table relative to the project, or its URL.", examples=["data/orders"]
    )

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the data files of the table's newest version."""
        library = import_extra("deltalake", "delta", source.name, "the library for Delta tables")
        place = self.delta if "://" in self.delta else str(project.root / self.delta)
        try:
            table = library.DeltaTable(place)
            self._require_plain_names(table, source)
            dataset = table.to_pyarrow_dataset()
        except library.exceptions.TableNotFoundError:
            remedy = "Correct the path in the reader, or write the table."
            raise MissingFile(source.name, self.delta, "there is no Delta table", remedy) from None
        except (library.exceptions.DeltaError, OSError) as error:
            raise self._unreadable(source, error) from None
        there = require_columns(dataset.schema.names, source, self.delta)
        files = {fragment.path: fragment for fragment in dataset.get_fragments()}
        return [
            SourcePart(
                f"{self.delta}/{path}",
                content_id(facts),
                partial(self._tables, source, dataset.schema, there, files[path]),
            )
            for path, facts in sorted(_facts(table).items())
        ]

    def _require_plain_names(self, table: Any, source: SourceSpec) -> None:
        """Raise where columns have other names in the files than in the table: the library would read nulls."""
        mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
        if mode != "none":
            problem = f"the table has delta.columnMapping.mode = {mode}, which the library deltalake cannot read"
            remedy = "Write the table without column mapping, or read it with a function of the project."
            raise SourceError(source.name, self.delta, problem, remedy)

    def _tables(self, source: SourceSpec, schema: Any, there: Sequence[str], file: Any) -> Iterator[Any]:
        """Yield the declared columns of one data file; columns that it lacks are null, as the table defines."""
        import pyarrow as pa

        try:
            for batch in file.to_batches(schema=schema, columns=list(there), batch_size=_ROWS):
                yield Batch(pa.Table.from_batches([batch]), columns=schema.names)
        except FileNotFoundError:
            where, problem = f"{self.delta}/{file.path}", "the file is gone since the table was listed"
            remedy = "Ingest again; keep files for longer than an ingest takes before VACUUM removes them."
            raise MissingFile(source.name, where, problem, remedy) from None
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(source, error) from None

    def _unreadable(self, source: SourceSpec, error: Exception) -> SourceError:
        remedy = "Nothing was changed. Correct the table, or its path in the reader."
        return SourceError(source.name, self.delta, f"the Delta table cannot be read: {error_text(error)}", remedy)


def _facts(table: Any) -> dict[str, list[Any]]:
    """Return what identifies each data file of the table's version; files are never written twice."""
    import pyarrow as pa

    files = pa.table(table.get_add_actions(flatten=True)).select(["path", "size_bytes", "modification_time"])
    return {row["path"]: list(row.values()) for row in files.to_pylist()}
