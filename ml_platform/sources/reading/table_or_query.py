"""What readers of databases declare: a connection, and a table or a query."""

from __future__ import annotations

from pydantic import ConfigDict, Field, model_validator

from ml_platform.declarations.types import Declaration, Name, exactly_one


class TableOrQuery(Declaration):
    """Rows of a database: a table, or the answer to a query."""

    model_config = ConfigDict(json_schema_extra=exactly_one("table", "query"))

    connection: Name = Field(description="One of the connections in project.yaml")
    table: str | None = Field(None, pattern=r"^[^.\s]+(\.[^.\s]+)?$", description="Its name, or SCHEMA.NAME")
    query: str | None = Field(None, min_length=1, description="A select, without a semicolon")
    cursor: str | None = Field(
        None,
        description="An int or timestamp column that only grows: only rows beyond its largest value so far are read. "
        "Corrections and late rows at or below it are never seen",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> TableOrQuery:
        if (self.table is None) == (self.query is None):
            raise ValueError(f"give either table or query, found {'neither' if self.table is None else 'both'}")
        return self

    @property
    def label(self) -> str:
        """What is read, as people read it: never the URL."""
        return f"{self.connection}: {f'table {self.table}' if self.table else 'query'}"
