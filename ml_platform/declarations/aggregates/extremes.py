"""The smallest and the greatest value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from ml_platform.declarations.aggregates.feature import EXPRESSION, SORTED, Feature
from ml_platform.declarations.aggregates.parts import PartialAggregate
from ml_platform.declarations.types import ExpressionText

if TYPE_CHECKING:
    import numpy as np


class Min(Feature):
    """The smallest value."""

    name = "min"
    summary = "The smallest value; null over no row."
    accepts = SORTED
    remedy = "Take the least of numbers or timestamps, or take last"

    min: ExpressionText = Field(description=EXPRESSION, examples=["price"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the smallest value."""
        return {"least": PartialAggregate("least", self.min, self.where)}

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return the newest row with the smallest value."""
        places = known.nonzero()[0]
        return int(places[values[places].argmin()]) if len(places) else None


class Max(Feature):
    """The greatest value."""

    name = "max"
    summary = "The greatest value; null over no row."
    accepts = SORTED
    remedy = "Take the greatest of numbers or timestamps, or take last"

    max: ExpressionText = Field(description=EXPRESSION, examples=["price"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the greatest value."""
        return {"greatest": PartialAggregate("greatest", self.max, self.where)}

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return the newest row with the greatest value."""
        places = known.nonzero()[0]
        return int(places[values[places].argmax()]) if len(places) else None
