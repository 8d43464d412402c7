"""A sum, and what is a sum divided by a count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ml_platform.core.expressions import Kind
from ml_platform.declarations.aggregates.feature import COUNTABLE, EXPRESSION, Feature
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate
from ml_platform.declarations.types import ExpressionText


class Sum(Feature):
    """The exact sum."""

    name = "sum"
    summary = "The exact sum, rounded once at its end; 0 where there is no row."
    accepts = COUNTABLE
    remedy = "Sum a number, or take last or count"

    sum: ExpressionText = Field(description=EXPRESSION, examples=["price * items"])

    def kind(self, columns: Mapping[str, Kind]) -> Kind:
        """Return the kind of the expression; a sum of conditions is a number."""
        kind = super().kind(columns)
        return "int" if kind == "bool" else kind

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the sum."""
        return {"sum": PartialAggregate("sum", self.sum, self.where)}

    def value(self, merged: Merged) -> Any:
        """Return the sum in 64 bits."""
        total = merged["sum"]
        return total if total.type().is_floating() else total.cast("int64")


class Mean(Feature):
    """The exact sum, rounded, divided by the number of rows, as ``math.fsum(x) / len(x)`` is."""

    name = "mean"
    summary = "The mean, from an exact sum; null over no row."
    accepts = COUNTABLE
    remedy = "Average a number, or take last or count"
    gives = "float"

    mean: ExpressionText = Field(description=EXPRESSION, examples=["minutes_late"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return how many values there are, and their sum."""
        text = self.expression
        return {"known": PartialAggregate("known", text, self.where), "sum": PartialAggregate("sum", text, self.where)}

    def value(self, merged: Merged) -> Any:
        """Return the mean."""
        return merged.per("sum", merged["known"])


class Share(Feature):
    """The share of rows that meet a condition."""

    name = "share"
    summary = "The share of rows that meet the condition, of those for which it is known; null over no row."
    accepts = frozenset[Kind]({"bool"})
    remedy = "Write a condition, such as x > 0"
    gives = "float"
    fixed_unit = "share"

    share: ExpressionText = Field(
        description="A condition on columns of the source. Rows for which it is null are left out.",
        examples=["minutes_late >= 30"],
    )

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return for how many rows the condition is known, and how many meet it."""
        return {
            "known": PartialAggregate("known", self.share, self.where),
            "sum": PartialAggregate("sum", self.share, self.where),
        }

    def value(self, merged: Merged) -> Any:
        """Return the share."""
        return merged.per("sum", merged["known"])
