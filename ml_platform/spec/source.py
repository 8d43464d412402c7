"""The declaration of a source: where raw rows come from, and when they are known."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ml_platform.spec.types import Declaration, Duration, Name, Owner, Plain, Shorthand, Span, exactly_one

ColumnType = Literal["string", "int", "float", "bool", "timestamp"]


class Column(Declaration):
    """One column of a source: its type, and what it means."""

    type: ColumnType
    zone: str | None = Field(None, description="IANA time zone of timestamps written without one")
    unit: str | None = None
    description: str = ""
    required: bool = Field(False, description="True: a null is an error")


def _column(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


ColumnField = Annotated[
    Column, BeforeValidator(_column), Shorthand({"type": "string", "enum": list(get_args(ColumnType))})
]


class Postgres(Declaration):
    """Rows of a PostgreSQL database: a table, or the answer to a query."""

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
    def _exactly_one(self) -> Postgres:
        if (self.table is None) == (self.query is None):
            raise ValueError(f"give either table or query, found {'neither' if self.table is None else 'both'}")
        return self

    @property
    def told(self) -> str:
        """What is read, for people: never the URL."""
        return f"{self.connection}: {f'table {self.table}' if self.table else 'query'}"


_READERS = ("csv", "parquet", "python", "postgres")


class Reader(Declaration):
    """Where rows are read: exactly one of a CSV glob, a Parquet glob, a Python function, a PostgreSQL database."""

    model_config = ConfigDict(json_schema_extra=exactly_one(*_READERS))

    csv: str | None = Field(None, description="Path or glob relative to the project, or an fsspec URL")
    parquet: str | None = Field(None, description="Path or glob relative to the project, or an fsspec URL")
    python: str | None = Field(
        None, description="module:function in the project, without arguments: returns rows, or yields Arrow batches"
    )
    postgres: Postgres | None = None
    fingerprint: str | None = Field(
        None, description="module:function beside python: gives a text, and while it is the same nothing is read"
    )
    null_values: tuple[str, ...] = Field(("",), strict=False, description="Texts that stand for null in CSV files")

    @model_validator(mode="after")
    def _exactly_one(self) -> Reader:
        given = [name for name in _READERS if getattr(self, name) is not None]
        if len(given) != 1:
            known = f"{', '.join(_READERS[:-1])} and {_READERS[-1]}"
            raise ValueError(f"give exactly one of {known}, found {' and '.join(given) or 'none'}")
        if self.fingerprint is not None and self.python is None:
            raise ValueError(f"fingerprint belongs to python, found {given[0]}. Remove it")
        return self

    @property
    def kind(self) -> str:
        """Which of the readers it is, such as ``csv``."""
        return next(name for name in _READERS if getattr(self, name) is not None)

    @property
    def told(self) -> str:
        """What is read, for people."""
        return self.csv or self.parquet or self.python or (self.postgres.told if self.postgres else "")


class KnownAt(Declaration):
    """When a row could have been known: a column, or the event timestamp plus a delay (negative: known ahead)."""

    model_config = ConfigDict(json_schema_extra=exactly_one("column", "delay"))

    column: str | None = None
    delay: Duration | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> KnownAt:
        if (self.column is None) == (self.delay is None):
            raise ValueError(f"give either column or delay, found {'neither' if self.column is None else 'both'}")
        return self


class Expectation(Declaration):
    """A Great Expectations expectation by its snake-case name, with its arguments."""

    expect: str = Field(description="Such as column_values_to_not_be_null")
    args: dict[str, Plain] = Field(default_factory=dict)
    severity: Literal["error", "warn"] = "error"


class SourceSpec(Declaration):
    """Rows with an event timestamp (when it happened) and a known-at timestamp (when we could have known)."""

    spec_version: Literal[1]
    name: Name
    description: str
    owner: Owner
    reader: Reader
    key: tuple[str, ...] = Field(min_length=1, strict=False, description="Columns that identify a row")
    event_timestamp: str
    known_at: KnownAt
    columns: dict[str, ColumnField] = Field(min_length=1)
    freshness: Span | None = Field(None, description="The newest row must have become known within this span")
    expectations: tuple[Expectation, ...] = Field((), strict=False)
