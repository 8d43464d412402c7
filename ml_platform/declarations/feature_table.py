"""The declaration of a feature table: one entity, one source, a refresh interval, features."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from ml_platform.declarations.source import Expectation
from ml_platform.declarations.types import (
    Declaration,
    Delay,
    ExpressionText,
    Name,
    Owner,
    Span,
    Window,
    WindowField,
    exactly_one,
)

Aggregate = Literal["count", "sum", "mean", "min", "max", "std", "last", "share", "time_since_last", "as_of", "derived"]
EVER = Window(start=None)
_WITHOUT_WINDOWS = ("as_of", "derived")


class Feature(Declaration):
    """One aggregate of an expression over one or several windows.

    Written with the aggregate as its key: ``mean: arr_delay``; ``count: true`` and
    ``time_since_last: true`` need no expression, ``share`` takes a condition. Two kinds have no
    windows, and their column is called as they are: ``as_of`` is what the newest known row says,
    null included, and ``derived`` an expression over other columns of the table.
    """

    model_config = ConfigDict(json_schema_extra=exactly_one(*get_args(Aggregate)))

    windows: tuple[WindowField, ...] = Field((), strict=False)
    where: ExpressionText | None = Field(None, description="Only rows that meet this condition")
    unit: str | None = None
    description: str = ""
    count: Literal[True] | None = None
    sum: ExpressionText | None = None
    mean: ExpressionText | None = None
    min: ExpressionText | None = None
    max: ExpressionText | None = None
    std: ExpressionText | None = None
    last: ExpressionText | None = None
    share: ExpressionText | None = None
    time_since_last: Literal[True] | None = None
    as_of: ExpressionText | None = Field(None, description="What the newest known row says; takes no windows")
    derived: ExpressionText | None = Field(None, description="From other columns of the table; takes no windows")

    @model_validator(mode="after")
    def _exactly_one_aggregate(self) -> Feature:
        given = [name for name in get_args(Aggregate) if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of {', '.join(get_args(Aggregate))}, found {' and '.join(given) or 'none'}"
            )
        return self

    @model_validator(mode="after")
    def _windows_fit(self) -> Feature:
        if self.aggregate in _WITHOUT_WINDOWS:
            if self.windows:
                raise ValueError(f"{self.aggregate} takes no windows. Remove windows")
        elif not self.windows:
            raise ValueError(f"{self.aggregate} needs windows. Add them, such as windows: [1d, 7d]")
        if self.derived is not None and self.where is not None:
            raise ValueError("derived takes no where, as it reads no rows. Remove where")
        return self

    @property
    def aggregate(self) -> Aggregate:
        """Which aggregate this is."""
        found: Aggregate = next(name for name in get_args(Aggregate) if getattr(self, name) is not None)
        return found

    @property
    def expression(self) -> str | None:
        """The expression under the aggregate; None for ``count`` and ``time_since_last``."""
        value = getattr(self, self.aggregate)
        return None if value is True else str(value)


def column_name(feature: str, window: Window | None) -> str:
    """Return the column of one feature over one window, such as ``mean_delay_7d``, or of one without windows."""
    return f"{feature}_{window.label}" if window else feature


class FeatureTableSpec(Declaration):
    """Features of one entity from one source, refreshed at ticks."""

    spec_version: Literal[1]
    name: Name
    description: str
    owner: Owner
    entity: Name
    source: Name
    refresh: Span = Field(description="Ticks stand at whole multiples of this since 1970 UTC")
    publish_delay: Delay = Field(description="How long after a tick its values can be read")
    where: ExpressionText | None = Field(None, description="Only source rows that meet this condition")
    features: dict[Name, Feature] = Field(min_length=1)
    expectations: tuple[Expectation, ...] = Field((), strict=False)

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
