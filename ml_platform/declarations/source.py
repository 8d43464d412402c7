"""The declaration of a source: where raw rows come from, and when they are known."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ml_platform.declarations.types import Declaration, Duration, Name, Owner, Plain, Shorthand, Span, exactly_one

ColumnType = Literal["string", "int", "float", "bool", "timestamp"]


DstPolicy = Literal["fail", "earlier", "later", "shift_forward"]


def _dst(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


DstPolicies = Annotated[
    tuple[DstPolicy, ...], BeforeValidator(_dst), Shorthand({"type": "string", "enum": list(get_args(DstPolicy))})
]


class Column(Declaration):
    """One column of a source: its type, and what it means."""

    type: ColumnType
    zone: str | None = Field(None, description="IANA time zone of timestamps written without one")
    dst: DstPolicies = Field(
        (),
        strict=False,
        description="What local times mean that clocks show twice in autumn (earlier or later) or skip in spring "
        "(shift_forward: when clocks went forward). Not declared, or fail: such a time is an error",
    )
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


_READERS = ("csv", "parquet", "python", "postgres", "predictions")


class Reader(Declaration):
    """Where rows are read: exactly one of CSV files, Parquet files, a function, PostgreSQL, a model's predictions."""

    model_config = ConfigDict(json_schema_extra=exactly_one(*_READERS))

    csv: str | None = Field(None, description="Path or glob relative to the project, or an fsspec URL")
    parquet: str | None = Field(None, description="Path or glob relative to the project, or an fsspec URL")
    python: str | None = Field(
        None, description="module:function in the project, without arguments: returns rows, or yields Arrow batches"
    )
    postgres: Postgres | None = None
    predictions: Name | None = Field(None, description="A model of the project: its logged predictions are the rows")
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
    def has_files(self) -> bool:
        """Whether rows are read from files."""
        return self.csv is not None or self.parquet is not None

    @property
    def told(self) -> str:
        """What is read, for people."""
        return self.postgres.told if self.postgres is not None else str(getattr(self, self.kind))


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


GIVEN: Mapping[str, Any] = MappingProxyType(
    {"key": ["prediction_id"], "event_timestamp": "effective_time", "known_at": {"column": "scored_at"}}
)
"""What the prediction log itself says about its rows: a source of predictions leaves these keys out."""
_ALWAYS = {"prediction_id": "string", "effective_time": "timestamp", "scored_at": "timestamp", "version": "int"}


def _unless_given(schema: dict[str, Any]) -> None:
    schema["required"] = [name for name in schema["required"] if name not in GIVEN]
    predictions = {"properties": {"reader": {"required": ["predictions"]}}}
    schema["anyOf"] = [{"required": list(GIVEN)}, predictions]


class SourceSpec(Declaration):
    """Rows with an event timestamp (when it happened) and a known-at timestamp (when we could have known).

    A source of predictions has what `GIVEN` says, and always the columns that tell a prediction's id, when it was
    made, when it could be read, and by which version.
    """

    model_config = ConfigDict(json_schema_extra=_unless_given)

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

    @model_validator(mode="before")
    @classmethod
    def _as_logged(cls, value: Any) -> Any:
        reader = value.get("reader") if isinstance(value, dict) else None
        if not (isinstance(reader, dict) and "predictions" in reader):
            return value
        columns = value.get("columns")
        always = {"columns": {**_ALWAYS, **columns}} if isinstance(columns, dict) and columns else {}
        return {**GIVEN, **value, **always}
