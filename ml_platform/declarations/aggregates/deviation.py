"""How far values lie from their mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ml_platform.declarations.aggregates.feature import COUNTABLE, EXPRESSION, Feature
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate
from ml_platform.declarations.types import ExpressionText

_LEAST = 2


class Std(Feature):
    """The deviation of a sample, with n - 1 below the line (https://en.wikipedia.org/wiki/Standard_deviation).

    The variance is of the exact sums of numbers and squares, so that no digits cancel, and rounded thrice.
    """

    name = "std"
    summary = "The standard deviation (n - 1), from exact sums; null for fewer than two rows."
    accepts = COUNTABLE
    remedy = "Take the deviation of a number"
    gives = "float"

    std: ExpressionText = Field(description=EXPRESSION, examples=["minutes_late"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return how many values there are, and n (n - 1) times their variance."""
        return {
            "known": PartialAggregate("known", self.std, self.where),
            "squares": PartialAggregate("squares", self.std, self.where),
        }

    def value(self, merged: Merged) -> Any:
        """Return the deviation."""
        count = merged["known"]
        return merged.per("squares", count.cast("float64") * (count.cast("float64") - 1.0), least=_LEAST).sqrt()
