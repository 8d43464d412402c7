"""CSV files. Their cells are parsed by `ml_platform.sources.reading.csv_cells`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ml_platform.sources.reading.reader import Reader, SourcePart

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


class CsvReader(Reader):
    """CSV files."""

    name: ClassVar[str] = "csv"
    addresses: ClassVar[tuple[str, ...]] = ("csv",)
    reads_text: ClassVar[bool] = True
    reads_files: ClassVar[bool] = True

    csv: str = Field(
        description="A path or glob relative to the project, or an fsspec URL.",
        examples=["data/orders_*.csv", "s3://bucket/orders/*.csv"],
    )

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the files."""
        from ml_platform.sources.reading.csv_cells import read_csv
        from ml_platform.sources.reading.file_parts import file_parts

        return file_parts(project.root, source, self.csv, read_csv)
