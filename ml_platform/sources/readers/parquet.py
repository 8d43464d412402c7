"""Parquet files, in batches, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ml_platform.core.errors import SchemaChanged
from ml_platform.declarations.reader import Place
from ml_platform.sources.reading.path_columns import path_problems
from ml_platform.sources.reading.reader import Reader, SourcePart

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project

_ROWS = 65_536


class ParquetReader(Reader):
    """Parquet files."""

    name: ClassVar[str] = "parquet"
    addresses: ClassVar[tuple[str, ...]] = ("parquet",)
    reads_files: ClassVar[bool] = True

    parquet: str = Field(
        description="A path or glob relative to the project, or an fsspec URL. {name} matches a part of a folder's "
        "or a file's name: the value of the column of this name.",
        examples=["data/orders_*.parquet", "data/region={region}/{day}.parquet", "s3://bucket/orders/*.parquet"],
    )

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
        """Yield columns in the path that are not declared."""
        return path_problems(self.parquet, list(columns), self.name)

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the files."""
        from ml_platform.sources.reading.file_parts import file_parts

        return file_parts(project.root, source, self.parquet, read_parquet)


def read_parquet(files: Any, path: str, spec: SourceSpec, where: str) -> Iterator[Any]:
    """Yield the declared columns of a Parquet file.

    Raises
    ------
    MissingFile, SchemaChanged
    """
    import pyarrow as pa
    import pyarrow.parquet

    from ml_platform.sources.reading.batch import Batch
    from ml_platform.sources.reading.columns import require_columns
    from ml_platform.sources.reading.open_file import gone

    try:
        with files.open(path, "rb") as file:
            parquet = pa.parquet.ParquetFile(
                file, page_checksum_verification=True, pre_buffer=False, coerce_int96_timestamp_unit="us"
            )
            names = parquet.schema_arrow.names
            there = require_columns(names, spec, where)
            for batch in parquet.iter_batches(_ROWS, columns=there):
                yield Batch(pa.Table.from_batches([batch]).select(there), columns=names)
    except FileNotFoundError:
        raise gone(spec, where, path) from None
    except (pa.ArrowException, OSError) as error:
        raise SchemaChanged(spec.name, where, f"not readable as Parquet: {error}", "Repair the file.") from None
