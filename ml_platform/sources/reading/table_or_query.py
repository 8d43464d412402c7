"""What readers of databases declare: a connection, and a table or a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict, Field, field_validator, model_validator

from ml_platform.declarations.types import Declaration, Name, exactly_one


def dotted_name(text: str, places: Sequence[str], least: int = 0) -> str:
    """Return the name of a table, which may have some places before it.

    Raises
    ------
    ValueError
        Where it has fewer places than `least`, more than there are, an empty one, or white space.

    >>> dotted_name("shop.sales", ["SCHEMA"])
    'shop.sales'
    """
    parts = text.split(".")
    if not least < len(parts) <= len(places) + 1 or not all(parts) or any(map(str.isspace, text)):
        forms = [".".join([*places[len(places) - count :], "NAME"]) for count in range(least, len(places) + 1)]
        wanted = f"{', '.join(forms[:-1])} or {forms[-1]}" if len(forms) > 1 else forms[0]
        raise ValueError(f"must be {wanted}, found {text[:60]!r}")
    return text


class TableOrQuery(Declaration):
    """Rows of a database: a table, or the answer to a query."""

    model_config = ConfigDict(json_schema_extra=exactly_one("table", "query"))

    places: ClassVar[tuple[str, ...]] = ("SCHEMA",)
    """What a table's name may have before it, from the outermost to the innermost."""

    connection: Name = Field(description="The name of a connection in project.yaml.", examples=["shop_db"])
    table: str | None = Field(
        None, description="The table to read: NAME, or SCHEMA.NAME.", examples=["sales", "shop.sales"]
    )
    query: str | None = Field(
        None,
        min_length=1,
        description="A select in place of a table, without a semicolon.",
        examples=["select order_id, placed_at from orders"],
    )
    cursor: str | None = Field(
        None,
        description="An int or timestamp column that only grows. An ingest then reads only rows beyond the largest "
        "value so far, and never sees corrections and late rows at or below it.",
        examples=["row_number"],
    )

    @field_validator("table")
    @classmethod
    def _dotted(cls, table: str | None) -> str | None:
        return table if table is None else dotted_name(table, cls.places)

    @model_validator(mode="after")
    def _exactly_one(self) -> TableOrQuery:
        if (self.table is None) == (self.query is None):
            raise ValueError(f"give either table or query, found {'neither' if self.table is None else 'both'}")
        return self

    @property
    def label(self) -> str:
        """What is read, as people read it: never the URL."""
        return f"{self.connection}: {f'table {self.table}' if self.table else 'query'}"
