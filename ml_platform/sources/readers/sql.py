"""Derived sources: a query over other sources of the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ml_platform.declarations.derived_query import KNOWN_COLUMN, query_sources
from ml_platform.sources.reading.reader import Reader, SourcePart

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


class SqlReader(Reader):
    """A query over other sources of the project."""

    name: ClassVar[str] = "sql"
    may_be_empty: ClassVar[bool] = True
    answers: ClassVar[Mapping[str, Any]] = MappingProxyType({"known_at": {"column": KNOWN_COLUMN}})
    added_columns: ClassVar[Mapping[str, str]] = MappingProxyType({KNOWN_COLUMN: "timestamp"})

    sql: str = Field(
        min_length=1,
        description="A select over other sources of the project, in DuckDB's SQL: joins, left joins, conditions and "
        "computed columns; several of them with union all. Its rows are known when the last of their inputs was.",
        examples=["select line_id, sold_at, quantity * price as amount from lines join products using (sku)"],
    )

    @property
    def label(self) -> str:
        """What is read, as people read it."""
        return f"query over {', '.join(self.inputs)}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The sources of the query."""
        return query_sources(self.sql)

    def parts(self, project: Project, source: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
        """Return the states of the sources that the query reads."""
        from ml_platform.sources.derived.inputs import input_parts

        return input_parts(project, source)
