"""CSV files. Their cells are parsed by `ml_platform.sources.reading.csv_cells`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ml_platform.declarations.reader import Place
from ml_platform.sources.reading.csv_dialect import Dialect
from ml_platform.sources.reading.path_columns import path_problems
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
        description="A path or glob relative to the project, or an fsspec URL. {name} matches a part of a folder's "
        "or a file's name: the value of the column of this name.",
        examples=["data/orders_*.csv", "data/region={region}/{day}.csv", "s3://bucket/orders/*.csv"],
    )

    separator: str | None = Field(
        None,
        description="The sign between cells, where it is not a comma.",
        examples=[";", "\t"],
    )
    quote: str | None = Field(
        None,
        description="The sign around cells that hold separators or line breaks, where it is not a double quote.",
        examples=["'"],
    )
    decimal: Literal[","] | None = Field(
        None,
        description="The decimal mark of numbers, where it is not a point. Numbers with a point are then an error.",
        examples=[","],
    )
    encoding: str | None = Field(
        None,
        description="The encoding of the files, by a name that Python knows, where it is not UTF-8.",
        examples=["cp1252", "utf-16"],
    )

    @field_validator("separator", "quote")
    @classmethod
    def _one_sign(cls, sign: str | None) -> str | None:
        if sign is not None and (len(sign) != 1 or sign in "\r\n\x00" or not sign.isascii() or sign.isalnum()):
            raise ValueError(f"must be one ASCII sign, no letter, digit or line break, found {sign!r}")
        return sign

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                "".encode(encoding)
            except LookupError:
                raise ValueError(f"{encoding!r} is not an encoding. Write one such as cp1252 or utf-16") from None
        return encoding

    @model_validator(mode="after")
    def _different_signs(self) -> CsvReader:
        if (self.separator or ",") == (self.quote or '"'):
            raise ValueError(f"separator and quote must differ, found {self.separator!r} for both")
        return self

    @property
    def dialect(self) -> Dialect:
        """How cells are written."""
        return Dialect(self.separator or ",", self.quote or '"', self.encoding)

    @property
    def decimal_mark(self) -> str:
        """The decimal mark of numbers."""
        return self.decimal or "."

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
        """Yield columns in the path that are not declared."""
        return path_problems(self.csv, list(columns), self.name)

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the files."""
        from ml_platform.sources.reading.csv_cells import read_csv
        from ml_platform.sources.reading.file_parts import file_parts
        from ml_platform.sources.reading.growing_files import read_before

        keeps_all = source.reports_lost_rows and source.duplicates is None
        may_grow = keeps_all and self.encoding is None
        grown = partial(read_before, dialect=self.dialect) if may_grow else None
        return file_parts(project.root, source, self.csv, partial(read_csv, dialect=self.dialect), grown)
