"""A feature that follows from others of its table, and from no rows."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from ml_platform.declarations.aggregates.feature import Feature, Place
from ml_platform.declarations.aggregates.parts import PartialAggregate
from ml_platform.declarations.types import ExpressionText


class Derived(Feature):
    """An expression over other columns of the table, computed at the look-up; it keeps nothing."""

    name = "derived"
    summary = "An expression over other columns of the table; it takes no windows."
    takes_windows = False

    derived: ExpressionText = Field(
        description="An expression over other columns of the table.", examples=["mean_late_1d - mean_late_7d"]
    )

    @model_validator(mode="after")
    def _refuse_where(self) -> Derived:
        if self.where is not None:
            raise ValueError("derived takes no where, as it reads no rows. Remove where")
        return self

    @property
    def from_columns(self) -> str | None:
        """The expression."""
        return self.derived

    @property
    def expressions(self) -> Mapping[Place, str]:
        """Nothing: its expression is not over rows."""
        return {}

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return nothing: it reads no rows."""
        return {}

    @property
    def formula(self) -> str:
        """The expression itself."""
        return self.derived
