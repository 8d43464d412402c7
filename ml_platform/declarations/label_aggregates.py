"""The aggregates that a label over many rows can be: those of feature tables, without windows of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from ml_platform.declarations.aggregates import Feature, aggregates
from ml_platform.declarations.feature_table import read_aggregate

OF_TABLES = ("windows", "unit", "description")
"""What a feature of a table declares, and a label does not."""


def label_aggregates() -> Mapping[str, type[Feature]]:
    """Return the aggregates that a label can be, by their keys."""
    return {name: item for name, item in aggregates().items() if item.of_labels and item.takes_windows}


def read_label_aggregate(value: Any) -> Feature:
    """Return one aggregate of a label. Its window follows from the label, so that any will do here."""
    if not isinstance(value, dict):
        return read_aggregate(value, label_aggregates())
    if present := [key for key in OF_TABLES if key in value]:
        raise ValidationError.from_exception_data(
            "Label", [{"type": "extra_forbidden", "loc": (key,), "input": value[key]} for key in present]
        )
    return read_aggregate({**value, "windows": ["ever"]}, label_aggregates())


class _AnyAggregate:
    """The schema, for pydantic and for editors, of a part of a label that is one of the aggregates."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(read_label_aggregate)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"oneOf": [alone_schema(handler, name, {}, []) for name in label_aggregates()]}


def alone_schema(
    handler: GetJsonSchemaHandler, name: str, more: Mapping[str, Any], required: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON schema of one aggregate of a label, with more properties beside it."""
    whole = handler.resolve_ref_schema(handler(label_aggregates()[name].__pydantic_core_schema__))
    fields = {key: part for key, part in whole["properties"].items() if key not in OF_TABLES}
    alone = {"properties": {**more, **fields}, "required": [*required, name]}
    return {"type": "object", "additionalProperties": False, **alone}


LabelAggregate = Annotated[Feature, _AnyAggregate()]
