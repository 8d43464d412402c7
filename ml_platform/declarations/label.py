"""The declaration of a label: one row of a source, or an aggregate of rows after the prediction time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from ml_platform.core.clock import format_duration
from ml_platform.core.expressions import Kind, dotted_names, parse_expression
from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.label_aggregates import (
    OF_TABLES,
    LabelAggregate,
    alone_schema,
    label_aggregates,
    read_label_aggregate,
)
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Declaration, Delay, ExpressionText, Name, Span

ONLY = "label"
"""What the aggregate of a label is called that has one alone."""


class Label(Declaration):
    """The truth about a row."""

    source: Name = Field(description="The source that holds the truth.", examples=["deliveries"])

    @property
    @abstractmethod
    def horizon(self) -> timedelta:
        """The time after the prediction time at which the label is settled for every row."""

    @property
    def place(self) -> str:
        """The key of a model that defines the truth."""
        return "label.expression"

    @property
    @abstractmethod
    def formula(self) -> str:
        """What it is, as people read it."""

    @property
    @abstractmethod
    def over_rows(self) -> Sequence[str]:
        """The expressions over the rows of its source."""

    @property
    def over_answers(self) -> Sequence[str]:
        """The expressions over what was made of these rows."""
        return ()

    @property
    def reads(self) -> frozenset[str]:
        """The columns of its source that it is made of."""
        return frozenset(name for text in self.over_rows for name in parse_expression(text).names if "." not in name)

    @property
    def references(self) -> tuple[str, ...]:
        """The columns of the question that it reads, ``table.column``; none of an expression that cannot be read."""
        return tuple(sorted({*dotted_names(self.over_rows), *dotted_names(self.over_answers)}))

    def settled_by(self, source: SourceSpec | None) -> Label:
        """Return the label with what follows from its source."""
        return self

    @classmethod
    def declared_fields(cls) -> Mapping[str, Any]:
        """Return the fields that a declaration may have; of this class, those of both kinds of labels."""
        if cls is RowLabel:
            return cls.model_fields
        alone = {name: field for item in label_aggregates().values() for name, field in item.model_fields.items()}
        window = {**WindowLabel.model_fields, **{name: alone[name] for name in alone if name not in OF_TABLES}}
        return window if cls is WindowLabel else {**RowLabel.model_fields, **window}


class RowLabel(Label):
    """An expression over the one row of the source that has the entity's key."""

    expression: ExpressionText = Field(
        description="The truth of a row: an expression over its columns, and table.column as known at prediction time.",
        examples=["minutes_late >= 30"],
    )
    horizon_: Span = Field(
        alias="horizon",
        description="How long after its prediction time the label of every row is settled. Younger rows are not used.",
        examples=["1d"],
    )
    missing: Literal["drop", "negative"] = Field(
        "drop",
        description="What a row without a label row means. drop: it is left out and counted; negative: nothing "
        "happened, so its label is negative.",
        examples=["negative"],
    )

    @property
    def horizon(self) -> timedelta:
        """The time after the prediction time at which the label is settled for every row."""
        return self.horizon_

    @property
    def formula(self) -> str:
        """The expression itself."""
        return self.expression

    @property
    def over_rows(self) -> Sequence[str]:
        """The expression."""
        return (self.expression,)


class WindowLabel(Label):
    """An aggregate of the rows whose event lies in ``(t + after, t + within]``, t being the prediction time."""

    within: Span = Field(
        description="The end of the window of a label over many rows, counted from the prediction time.",
        examples=["28d"],
    )
    after: Delay = Field(
        timedelta(0),
        description="The start of the window, counted from the prediction time: time in which nothing can be done.",
        examples=["1d"],
    )
    settle: Delay | None = Field(
        None,
        description="How long after the end of the window all of its rows are known. The default is the delay of the "
        "source; needed where the source names a column in known_at.",
        examples=["2d"],
    )
    typed_horizon: Span | None = Field(
        None, alias="horizon", description="In place of settle: within and settle together.", examples=["30d"]
    )
    aggregates: dict[Name, LabelAggregate] = Field(
        min_length=1,
        description="Several aggregates by name, each written as a feature without windows. Then expression is "
        "required.",
        examples=[{"spend": {"sum": "amount"}, "visits": {"count": True}}],
    )
    expression: ExpressionText | None = Field(
        None,
        description="The truth of a row: an expression over aggregates, and table.column as known at prediction time.",
        examples=["spend >= 100 and visits > 1"],
    )

    @model_validator(mode="after")
    def _after_before_within(self) -> WindowLabel:
        if self.after >= self.within:
            window = f"found after {format_duration(self.after)} and within {format_duration(self.within)}"
            raise ValueError(f"the window must end after its start, {window}. Lengthen within, or shorten after")
        if self.settle is not None and self.typed_horizon is not None:
            raise ValueError("found both settle and horizon. The horizon is within and settle together: remove it")
        if self.typed_horizon is not None and self.typed_horizon < self.within:
            ends = f"found horizon {format_duration(self.typed_horizon)} and within {format_duration(self.within)}"
            raise ValueError(f"the label cannot be settled before its window ends, {ends}. Remove horizon")
        return self

    @model_serializer(mode="wrap")
    def _as_declared(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        for item in fields["aggregates"].values():
            for key in OF_TABLES:
                item.pop(key, None)
        if self.expression is None:
            fields |= fields.pop("aggregates")[ONLY]
        return fields

    @property
    def horizon(self) -> timedelta:
        """``within`` and ``settle`` together."""
        return self.typed_horizon or self.within + (self.settle or timedelta(0))

    @property
    def place(self) -> str:
        """``label`` where an aggregate alone is the truth."""
        return "label" if self.expression is None else "label.expression"

    @property
    def formula(self) -> str:
        """What it is, such as ``sum of amount within 28d``."""
        end = format_duration(self.within)
        window = f" from {format_duration(self.after)} to {end} after" if self.after else f" within {end}"
        if self.expression is None:
            return f"{_phrase(self.aggregates[ONLY])}{window}"
        parts = ", ".join(f"{name}: {_phrase(item)}" for name, item in self.aggregates.items())
        return f"{self.expression} ({parts}){window}"

    @property
    def over_rows(self) -> Sequence[str]:
        """The expressions of the aggregates, and their conditions."""
        return [text for item in self.aggregates.values() for text in (*item.expressions.values(), item.where) if text]

    @property
    def over_answers(self) -> Sequence[str]:
        """The expression over the aggregates."""
        return () if self.expression is None else (self.expression,)

    def kinds(self, columns: Mapping[str, Kind]) -> Mapping[str, Kind]:
        """Return the kinds of the aggregates over a source with these columns."""
        return {name: item.kind(columns) for name, item in self.aggregates.items()}

    def settled_by(self, source: SourceSpec | None) -> WindowLabel:
        """Return the label with ``settle``: as declared, else the delay with which rows of the source become known."""
        if self.settle is not None:
            return self
        if self.typed_horizon is not None:
            settle = self.typed_horizon - self.within
            return self.model_copy(update={"settle": settle, "typed_horizon": None})
        delay = source.known_at.delay if source else None
        return self if delay is None else self.model_copy(update={"settle": max(delay, timedelta(0))})


def _phrase(feature: Feature) -> str:
    return feature.formula if feature.where is None else f"{feature.formula} where {feature.where}"


_WINDOW_KEYS = ("source", "within", "after", "settle", "horizon", "aggregates", "expression")


def read_label(value: Any) -> Label:
    """Return the label of a declaration.

    >>> read_label({"source": "baskets", "sum": "amount", "within": "28d"}).formula
    'sum of amount within 28d'
    """
    if isinstance(value, Label):
        return value
    if not isinstance(value, dict):
        raise PydanticKnownError("model_type", {"class_name": "Label"})
    fields = {key: part for key, part in value.items() if part is not None}
    if unknown := [key for key in fields if key not in _names()]:
        raise ValidationError.from_exception_data(
            "Label", [{"type": "extra_forbidden", "loc": (key,), "input": fields[key]} for key in unknown]
        )
    ahead = {*label_aggregates(), "within", "aggregates"}
    return _window_label(fields) if ahead.intersection(fields) else RowLabel.model_validate(fields)


def _names() -> set[str]:
    return {field.alias or name for name, field in Label.declared_fields().items()}


def _window_label(fields: dict[str, Any]) -> WindowLabel:
    of_window = {key: part for key, part in fields.items() if key in _WINDOW_KEYS}
    alone = {key: part for key, part in fields.items() if key not in _WINDOW_KEYS}
    if "missing" in alone:
        raise ValueError("missing belongs to a label of one row: over no row, an aggregate has an answer. Remove it")
    if alone and "aggregates" in of_window:
        raise ValueError(f"found aggregates and {next(iter(alone))}. Give one aggregate, or name each in aggregates")
    if ("aggregates" in of_window) != ("expression" in of_window):
        raise ValueError("aggregates and expression belong together: the expression reads aggregates by name")
    if "aggregates" not in of_window:
        of_window["aggregates"] = {ONLY: read_label_aggregate(alone)}
    return WindowLabel.model_validate(of_window)


class _AnyLabel:
    """The schema, for pydantic and for editors, of a part of a declaration that is one of the kinds of labels."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(read_label)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        row = handler(RowLabel.__pydantic_core_schema__)
        window = handler.resolve_ref_schema(handler(WindowLabel.__pydantic_core_schema__))
        of_window = {key: part for key, part in window["properties"].items() if key not in ("aggregates", "expression")}
        several = {**window, "required": ["source", "within", "aggregates", "expression"]}
        alone = [alone_schema(handler, name, of_window, ["source", "within"]) for name in label_aggregates()]
        return {"oneOf": [row, several, *alone]}


AnyLabel = Annotated[Label, _AnyLabel()]
