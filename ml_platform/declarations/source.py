"""The declaration of a source: where raw rows come from, and when they are known."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ml_platform.declarations.reader import AnyReader, named_readers, readers
from ml_platform.declarations.types import Declaration, Duration, JsonValue, Name, Owner, Shorthand, Span, exactly_one

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
    args: dict[str, JsonValue] = Field(default_factory=dict)
    severity: Literal["error", "warn"] = "error"


def _unless_answered(schema: dict[str, Any]) -> None:
    """Let the schema for editors require a key only where the reader does not answer it."""
    required = schema["required"]
    answering = {name: reader for name, reader in readers().items() if reader.answers}
    optional = {key for reader in answering.values() for key in reader.answers}
    schema["required"] = [key for key in required if key not in optional]
    schema["anyOf"] = [{"required": [key for key in required if key in optional]}]
    for name, reader in answering.items():
        rest = [key for key in required if key in optional and key not in reader.answers]
        schema["anyOf"].append({"properties": {"reader": {"required": [name]}}, "required": rest})


class SourceSpec(Declaration):
    """Rows with an event timestamp (when it happened) and a known-at timestamp (when we could have known).

    A reader may answer some of the keys itself, and bring columns of its own, as that of predictions does.
    """

    model_config = ConfigDict(json_schema_extra=_unless_answered)

    spec_version: Literal[1]
    name: Name
    description: str
    owner: Owner
    reader: AnyReader
    key: tuple[str, ...] = Field(min_length=1, strict=False, description="Columns that identify a row")
    event_timestamp: str
    known_at: KnownAt
    columns: dict[str, ColumnField] = Field(min_length=1)
    freshness: Span | None = Field(None, description="The newest row must have become known within this span")
    expectations: tuple[Expectation, ...] = Field((), strict=False)

    @model_validator(mode="before")
    @classmethod
    def _as_answered(cls, value: Any) -> Any:
        for reader in named_readers(value.get("reader")) if isinstance(value, dict) else ():
            columns = value.get("columns")
            own = {"columns": {**reader.own_columns, **columns}} if isinstance(columns, dict) and columns else {}
            value = {**reader.answers, **value, **own}
        return value
