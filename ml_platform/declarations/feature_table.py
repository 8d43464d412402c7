"""The declaration of a feature table: one entity, one source, a refresh interval, features."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from ml_platform.declarations.aggregates import Feature, aggregates
from ml_platform.declarations.source import Expectation
from ml_platform.declarations.types import (
    Declaration,
    Delay,
    Description,
    ExpressionText,
    Name,
    Owner,
    Span,
    SpecVersion,
    Window,
)

EVER = Window(start=None)


def read_feature(value: Any) -> Feature:
    """Return the feature of a declaration, checked by the class of its aggregate.

    >>> read_feature({"mean": "arr_delay", "windows": ["1d"]}).formula
    'mean of arr_delay'
    """
    return read_aggregate(value, feature_aggregates())


def feature_aggregates() -> Mapping[str, type[Feature]]:
    """Return the aggregates that a feature can be, by their keys."""
    return {name: item for name, item in aggregates().items() if item.of_features}


def read_aggregate(value: Any, choice: Mapping[str, type[Feature]]) -> Feature:
    """Return an aggregate of a declaration, one of those that can be chosen by their keys."""
    if isinstance(value, Feature):
        return value
    if not isinstance(value, dict):
        raise PydanticKnownError("model_type", {"class_name": "Feature"})
    known = Feature.declared_fields()
    if unknown := [key for key in value if key not in known]:
        raise ValidationError.from_exception_data(
            "Feature", [{"type": "extra_forbidden", "loc": (key,), "input": value[key]} for key in unknown]
        )
    fields = {key: part for key, part in value.items() if part is not None}
    named = [name for name in fields if name in aggregates()]
    if len(named) != 1 or named[0] not in choice:
        raise ValueError(f"give exactly one of {', '.join(choice)}, found {' and '.join(named) or 'none'}")
    return choice[named[0]].model_validate(fields)


class _AnyFeature:
    """The schema, for pydantic and for editors, of a part of a declaration that is one of the aggregates."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(read_feature)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"oneOf": [handler(item.__pydantic_core_schema__) for item in feature_aggregates().values()]}


AnyFeature = Annotated[Feature, _AnyFeature()]


def column_name(feature: str, window: Window | None) -> str:
    """Return the column of one feature over one window, such as ``mean_delay_7d``, or of one without windows."""
    return f"{feature}_{window.label}" if window else feature


class FeatureTableSpec(Declaration):
    """Features of one entity from one source, refreshed at ticks."""

    spec_version: SpecVersion = 1
    name: Name = Field(
        "",
        description="The name of the feature table, as models refer to it. It equals the file's name.",
        examples=["courier_recent"],
    )
    description: Description = ""
    owner: Owner = ""
    entity: Name = Field(
        description="What its rows are about: an entity of project.yaml. The source has the entity's key columns.",
        examples=["courier"],
    )
    source: Name = Field(description="The source that its features are computed from.", examples=["deliveries"])
    refresh: Span = Field(
        description="The interval between refresh ticks. Ticks are the whole multiples of it since 1970-01-01 UTC.",
        examples=["1h"],
    )
    publish_delay: Delay = Field(
        timedelta(minutes=5),
        description="How long after a tick its values can be read: the time that the refresh takes.",
        examples=["5m"],
    )
    where: ExpressionText | None = Field(
        None, description="A condition on rows of the source. Other rows are left out.", examples=["not cancelled"]
    )
    features: dict[Name, AnyFeature] = Field(
        min_length=1,
        description="The features by name. Each window makes one column, such as mean_late_7d.",
        examples=[{"mean_late": {"mean": "minutes_late", "windows": ["1d", "7d"]}}],
    )
    expectations: tuple[Expectation, ...] = Field(
        (),
        strict=False,
        description="Checks of its newest values, run after every refresh.",
        examples=[[{"expect": "column_values_to_not_be_null", "args": {"column": "late_share_7d"}}]],
    )

    @property
    def plain_description(self) -> str:
        """What describes it where its author does not."""
        return f"Features of each {self.entity} from {self.source}."

    @cached_property
    def columns(self) -> dict[str, tuple[str, Window | None]]:
        """Every column of the table with its feature and window, in declared order; None where it has no windows."""
        return {
            column_name(name, window): (name, window)
            for name, feature in self.features.items()
            for window in feature.windows or (None,)
        }

    def feature_of(self, column: str) -> Feature:
        """Return the feature that a column belongs to."""
        return self.features[self.columns[column][0]]
