"""Parquet files, in batches, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ml_platform.core.errors import SchemaChanged
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
        description="A path or glob relative to the project, or an fsspec URL.",
        examples=["data/orders_*.parquet", "s3://bucket/orders/*.parquet"],
    )

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

    from ml_platform.sources.reading.columns import require_columns
    from ml_platform.sources.reading.open_file import gone

    try:
        with files.open(path, "rb") as file:
            parquet = pa.parquet.ParquetFile(
                file, page_checksum_verification=True, pre_buffer=False, coerce_int96_timestamp_unit="us"
            )
            require_columns(parquet.schema_arrow.names, spec, where)
            for batch in parquet.iter_batches(_ROWS, columns=list(spec.columns)):
                yield pa.Table.from_batches([batch]).select(list(spec.columns))
    except FileNotFoundError:
        raise gone(spec, where, path) from None
    except (pa.ArrowException, OSError) as error:
        raise SchemaChanged(spec.name, where, f"not readable as Parquet: {error}", "Repair the file.") from None
