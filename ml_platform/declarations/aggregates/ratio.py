"""One sum over another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ml_platform.declarations.aggregates.feature import COUNTABLE, Feature, Place
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate
from ml_platform.declarations.types import Declaration, ExpressionText


class SumOver(Declaration):
    """Two expressions whose sums are divided."""

    sum: ExpressionText = Field(description="The expression above the line.", examples=["cost"])
    over: ExpressionText = Field(description="The expression below the line.", examples=["distance"])


class Ratio(Feature):
    """The exact sum of one expression divided by that of another, each rounded once. Each leaves out its own nulls."""

    name = "ratio"
    summary = "The sum of one expression over the sum of another; null where that is 0, and over no row."
    accepts = COUNTABLE
    remedy = "Sum a number"
    gives = "float"

    ratio: SumOver = Field(
        description="Two expressions over columns of the source. Each sum leaves out its own nulls.",
        examples=[{"sum": "cost", "over": "distance"}],
    )

    @property
    def expression(self) -> str:
        """The expression above the line: what a row is listed with."""
        return self.ratio.sum

    @property
    def expressions(self) -> Mapping[Place, str]:
        """Both expressions, by their places."""
        return {(self.name, "sum"): self.ratio.sum, (self.name, "over"): self.ratio.over}

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return both sums."""
        return {
            "sum": PartialAggregate("sum", self.ratio.sum, self.where),
            "over": PartialAggregate("sum", self.ratio.over, self.where),
        }

    def value(self, merged: Merged) -> Any:
        """Return the sum above the line divided by the sum below it; null where no number can be written down."""
        import ibis

        from ml_platform.core.engines.ibis_functions import is_finite

        quotient = merged.number("sum") / merged.number("over").nullif(0.0)
        return ibis.ifelse(is_finite(quotient), quotient, ibis.null("float64"))

    @property
    def formula(self) -> str:
        """What it is, such as ``sum of cost over sum of distance``."""
        return f"sum of {self.ratio.sum} over sum of {self.ratio.over}"
