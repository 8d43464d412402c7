"""Parquet files, in batches, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ml_platform.declarations.reader import Place
from ml_platform.sources.reading.path_columns import path_problems
from ml_platform.sources.reading.reader import Reader, SourcePart

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


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
        from ml_platform.sources.reading.parquet_rows import read_parquet

        return file_parts(project.root, source, self.parquet, read_parquet)
