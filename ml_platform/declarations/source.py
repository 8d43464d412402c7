"""The declaration of a source: where raw rows come from, and when they are known."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ml_platform.declarations.dirty_rows import (
    DuplicatesPolicy,
    MissingColumns,
    NewColumnsPolicy,
    OnError,
    QuarantineLimit,
)
from ml_platform.declarations.reader import AnyReader, named_readers, readers
from ml_platform.declarations.types import (
    Declaration,
    Description,
    Duration,
    ExpressionText,
    JsonValue,
    Name,
    Owner,
    Shorthand,
    Span,
    SpecVersion,
    exactly_one,
)

ColumnType = Literal["string", "int", "float", "bool", "timestamp"]


DstPolicy = Literal["fail", "earlier", "later", "shift_forward"]


def _dst(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


DstPolicies = Annotated[
    tuple[DstPolicy, ...], BeforeValidator(_dst), Shorthand({"type": "string", "enum": list(get_args(DstPolicy))})
]


class Column(Declaration):
    """One column of a source: its type, and what it means."""

    type: ColumnType = Field(
        description="The type of its values. Integers have 64 bits; timestamps have microseconds, in UTC.",
        examples=["float"],
    )
    source_column: str | None = Field(
        None,
        min_length=1,
        description="The name of the column in the input, where it is another, such as one with a space.",
        examples=["Order ID"],
    )
    zone: str | None = Field(
        None,
        description="The IANA time zone of timestamps that are written without one.",
        examples=["America/New_York"],
    )
    format: str | None = Field(
        None,
        min_length=1,
        description="How timestamps are written, where it is not ISO 8601: a pattern of strptime, or epoch s, epoch ms "
        "or epoch us for counts since 1970 in UTC.",
        examples=["%d.%m.%Y %H:%M", "epoch ms"],
    )
    dst: DstPolicies = Field(
        (),
        strict=False,
        description="How to read local times that clocks show twice in autumn (earlier or later) or skip in spring "
        "(shift_forward: the moment at which clocks went forward). Without it, or with fail, such a time is an error.",
        examples=["earlier", ["earlier", "shift_forward"]],
    )
    unit: str | None = Field(None, description="The unit of its values, for people.", examples=["min"])
    description: str = Field("", description="What it means, for people.", examples=["Delay on arrival."])
    required: bool = Field(False, description="Whether a null is an error.", examples=[True])
    on_error: OnError = Field(
        None,
        description="What to do with a value that does not fit: fail, quarantine (set the row aside), or null (keep "
        "the row without the value). The default is the on_error of the source.",
        examples=["quarantine"],
    )


def _column(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


ColumnField = Annotated[
    Column, BeforeValidator(_column), Shorthand({"type": "string", "enum": list(get_args(ColumnType))})
]


class KnownAt(Declaration):
    """When a row could have been known: a column, or the event timestamp plus a delay (negative: known ahead)."""

    model_config = ConfigDict(json_schema_extra=exactly_one("column", "delay"))

    column: str | None = Field(
        None, description="The column that holds when each row became known.", examples=["recorded_at"]
    )
    delay: Duration | None = Field(
        None,
        description="How long after its event timestamp a row becomes known. A negative delay: known ahead of the "
        "event, such as a timetable.",
        examples=["10m", "-30d"],
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> KnownAt:
        if (self.column is None) == (self.delay is None):
            raise ValueError(f"give either column or delay, found {'neither' if self.column is None else 'both'}")
        return self


class WholeTruth(Declaration):
    """Each load is all of the source: a row that a load does not have was deleted, known at that ingest."""

    max_deleted_share: float = Field(
        0.5,
        gt=0.0,
        le=1.0,
        description="The largest share of the rows that one ingest may delete. An ingest that would delete more fails.",
        examples=[0.1],
    )


def _whole_truth(value: Any) -> Any:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


FullLoads = Annotated[WholeTruth | None, BeforeValidator(_whole_truth), Shorthand({"type": "boolean"})]


class Expectation(Declaration):
    """A Great Expectations expectation by its snake-case name, with its arguments."""

    expect: str = Field(
        description="The name of a Great Expectations expectation, in snake case, without expect_.",
        examples=["column_values_to_not_be_null"],
    )
    args: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Its arguments, as Great Expectations names them.",
        examples=[{"column": "items"}],
    )
    severity: Literal["error", "warn"] = Field(
        "error",
        description="error: a failure blocks everything downstream; warn: it is shown, and blocks nothing.",
        examples=["warn"],
    )


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

    spec_version: SpecVersion = 1
    name: Name = Field(
        "",
        description="The name of the source, as other files refer to it. It equals the file's name.",
        examples=["deliveries"],
    )
    description: Description = ""
    owner: Owner = ""
    reader: AnyReader = Field(
        description="Where the rows come from. Write exactly one reader.", examples=[{"csv": "data/deliveries.csv"}]
    )
    key: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="The columns that identify a row. A second row with the same key is a correction.",
        examples=[["order_id"]],
    )
    event_timestamp: str = Field(
        description="The column that holds when the event of a row happened.", examples=["delivered_at"]
    )
    known_at: KnownAt = Field(
        description="When a row could have been known. It decides what training may see.", examples=[{"delay": "10m"}]
    )
    columns: dict[str, ColumnField] = Field(
        min_length=1,
        description="The columns to read, each with its type. Other columns of the input are not read.",
        examples=[{"order_id": "int", "minutes_late": {"type": "float", "unit": "min"}}],
    )
    deletes: ExpressionText | None = Field(
        None,
        description="A condition over the columns, or a bool column. A row for which it holds deletes the row with its "
        "key, and is no row itself. It needs its key and its times; other columns may be null.",
        examples=["is_deleted", "operation == 'D'"],
    )
    full: FullLoads = Field(
        None,
        description="true: each load has all rows of the source. A row that a load lacks counts as deleted from that "
        "ingest on. Without it, such a row is kept and reported.",
        examples=[True, {"max_deleted_share": 0.1}],
    )
    monthly_cost: float | None = Field(
        None,
        ge=0,
        description="What the source costs a month, in the project's currency. An ablation shows it beside what the "
        "source is worth.",
        examples=[120.0],
    )
    freshness: Span | None = Field(
        None,
        description="How old the newest row may be, by its known-at timestamp, before a check fails.",
        examples=["6h"],
    )
    expectations: tuple[Expectation, ...] = Field(
        (),
        strict=False,
        description="Checks of the rows, run at every ingest.",
        examples=[[{"expect": "column_values_to_not_be_null", "args": {"column": "courier"}}]],
    )

    on_error: OnError = Field(
        None,
        description="What to do with a row that does not fit the declaration: fail (the default: nothing is ingested), "
        "quarantine (set the row aside, ingest the others), or null (keep the row without the value, where the column "
        "may be null). A column may declare another.",
        examples=["quarantine"],
    )
    duplicates: DuplicatesPolicy | None = Field(
        None,
        description="What to do with rows of one reading that share key and known-at: fail (the default), keep_latest "
        "(the one that was read last), or quarantine (all of them, unless they are equal).",
        examples=["keep_latest"],
    )
    quarantine: QuarantineLimit | None = Field(
        None,
        description="How many dirty rows one ingest accepts: 1% of the rows that it reads, unless at_most is declared.",
        examples=[{"at_most": "0.1%"}],
    )
    new_columns: NewColumnsPolicy | None = Field(
        None,
        description="What to do where a file has a column that is not declared and that the files read before it did "
        "not have: ignore (the default), report (a note), or fail.",
        examples=["report"],
    )
    missing_columns: MissingColumns = Field(
        None,
        description="What to do where a file lacks a declared column: fail (the default), or null (its values are "
        "null, with a note). A column that every row needs must be there.",
        examples=["null"],
    )

    @property
    def may_delete(self) -> bool:
        """Whether rows can be deleted: by other rows, or by a load that does not have them."""
        return self.deletes is not None or self.full is not None

    @property
    def reports_lost_rows(self) -> bool:
        """Whether rows that a file no longer has are kept and reported, not deleted."""
        return self.reader.reads_files and self.full is None

    @property
    def replaces_parts(self) -> bool:
        """Whether all parts are read again where one is gone or changed: only all of them show which rows there are."""
        return self.reader.replaces_parts or self.full is not None

    @property
    def plain_description(self) -> str:
        """What describes it where its author does not."""
        return f"Rows of {self.name}, one for each {' and '.join(self.key)}."

    @model_validator(mode="before")
    @classmethod
    def _as_answered(cls, value: Any) -> Any:
        for reader in named_readers(value.get("reader")) if isinstance(value, dict) else ():
            columns = value.get("columns")
            answered = {"columns": {**reader.added_columns, **columns}} if isinstance(columns, dict) and columns else {}
            value = {**reader.answers, **value, **answered}
        return value
