"""Aggregates of all distinct values in a window: their number, the most frequent one, and quantiles.

Cells keep the distinct values of their rows in order, each with its count, so that results are exact. What is stored
grows with the number of distinct values in a cell. A look-up merges the values of all cells in each window: its time
and memory grow with them, where sums take the same time for any window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ml_platform.declarations.aggregates.feature import NUMBERS, Feature, Place
from ml_platform.declarations.aggregates.parts import PartialAggregate, ValueCounts
from ml_platform.declarations.types import Declaration, ExpressionText

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_COST = (
    "An expression over columns of the source. The result is exact: tiles keep every distinct value, and a lookup "
    "merges all values in its window."
)


class CountDistinct(Feature):
    """How many distinct values there are."""

    name = "count_distinct"
    summary = "How many distinct values there are; 0 where there is no row."
    gives = "int"

    count_distinct: ExpressionText = Field(description=_COST, examples=["courier"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the distinct values."""
        return {"counts": PartialAggregate("counts", self.count_distinct, self.where)}

    def of_counts(self, counts: ValueCounts) -> pa.Array:
        """Return their number."""
        import pyarrow as pa

        return pa.array(counts.distinct)


class Mode(Feature):
    """The most frequent value."""

    name = "mode"
    summary = "The most frequent value, of several the smallest; null over no row."

    mode: ExpressionText = Field(description=_COST, examples=["courier"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the distinct values."""
        return {"counts": PartialAggregate("counts", self.mode, self.where)}

    def of_counts(self, counts: ValueCounts) -> pa.Array:
        """Return the value with the greatest count; of several the first, as values rise."""
        import numpy as np
        import pyarrow as pa

        window = np.repeat(np.arange(len(counts.distinct)), counts.distinct)
        best = np.lexsort((np.arange(len(window)), -counts.counts, window))
        some = counts.distinct > 0
        places = np.full(len(some), -1, np.int64)
        places[some] = best[counts.starts[:-1][some]]
        return counts.values.take(pa.array(places, mask=~some))


class Median(Feature):
    """The middle value, or the mean of the two in the middle."""

    name = "median"
    summary = "The middle value, or the mean of the two in the middle; null over no row."
    accepts = NUMBERS
    remedy = "Take the median of a number, or take mode"
    gives = "float"

    median: ExpressionText = Field(description=_COST, examples=["minutes_late"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the distinct values."""
        return {"counts": PartialAggregate("counts", self.median, self.where)}

    def of_counts(self, counts: ValueCounts) -> pa.Array:
        """Return the median as ``numpy.median`` does."""
        import numpy as np
        import pyarrow as pa

        total = _rows(counts)
        low, high = (_nth(counts, (total - odd) // 2) for odd in (1, 0))
        with np.errstate(over="ignore"):
            middle = (low + high) / 2
        return pa.array(np.where(np.isfinite(middle), middle, low / 2 + high / 2), mask=total == 0)


class OfLevel(Declaration):
    """An expression, and the level of the quantile: 0.9 is the value that 90 % of the rows do not exceed."""

    of: ExpressionText = Field(description="An expression over columns of the source.", examples=["minutes_late"])
    level: float = Field(ge=0, le=1, description="The share of values that lie below the result.", examples=[0.9])


class Quantile(Feature):
    """A quantile, with values between two neighbors in proportion (``linear`` in NumPy)."""

    name = "quantile"
    summary = "The value below which a share of all values lies, as numpy.quantile; null over no row."
    accepts = NUMBERS
    remedy = "Take the quantile of a number, or take mode"
    gives = "float"

    quantile: OfLevel = Field(
        description="An expression and a level. It costs what median costs.",
        examples=[{"of": "minutes_late", "level": 0.9}],
    )

    @property
    def expression(self) -> str:
        """The expression whose quantile it is."""
        return self.quantile.of

    @property
    def expressions(self) -> Mapping[Place, str]:
        """The expression, by its place."""
        return {(self.name, "of"): self.quantile.of}

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the distinct values."""
        return {"counts": PartialAggregate("counts", self.quantile.of, self.where)}

    def of_counts(self, counts: ValueCounts) -> pa.Array:
        """Return the quantile as ``numpy.quantile`` does (Hyndman and Fan 1996, type 7)."""
        import numpy as np
        import pyarrow as pa

        total = _rows(counts)
        place = np.maximum(total - 1, 0) * self.quantile.level
        below = np.floor(place).astype(np.int64)
        low, high = _nth(counts, below), _nth(counts, np.minimum(below + 1, np.maximum(total - 1, 0)))
        part = place - below
        near_low, near_high = low + (high - low) * part, high - (high - low) * (1 - part)
        return pa.array(np.where(part < 0.5, near_low, near_high), mask=total == 0)

    @property
    def formula(self) -> str:
        """What it is, such as ``quantile 0.9 of arr_delay``."""
        return f"quantile {self.quantile.level} of {self.quantile.of}"


def _rows(counts: ValueCounts) -> Any:
    """Return how many values each window has, repeated ones included."""
    import numpy as np

    ends = np.concatenate([[0], counts.ends])
    return ends[counts.starts[1:]] - ends[counts.starts[:-1]]


def _nth(counts: ValueCounts, place: np.ndarray) -> np.ndarray:
    """Return a value of each window by its place from 0 among all rows, as float64; any for a window without values."""
    import numpy as np

    if not len(counts.values):
        return np.zeros(len(place))
    ends = np.concatenate([[0], counts.ends])
    before = ends[counts.starts[:-1]]
    at = np.searchsorted(counts.ends, before + np.maximum(place, 0), "right")
    values = counts.values.to_numpy(zero_copy_only=False).astype(np.float64)
    chosen: np.ndarray = values[np.minimum(at, len(values) - 1)]
    return chosen
