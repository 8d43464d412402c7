"""The value of the newest or the oldest row, and when that row happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ml_platform.core.clock import MICROSECOND, parse_duration
from ml_platform.declarations.aggregates.feature import EXPRESSION, Feature
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate
from ml_platform.declarations.types import ExpressionText

if TYPE_CHECKING:
    import numpy as np

_SECOND = parse_duration("1s") // MICROSECOND


class Last(Feature):
    """The value of the newest row that has one."""

    name = "last"
    summary = "The value of the newest row in the window that has one; null over no such row."

    last: ExpressionText = Field(description=EXPRESSION, examples=["minutes_late"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the value of the newest row that has one."""
        return {"newest": PartialAggregate("newest", self.last, self.where)}

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return the newest row with a value."""
        return int(known.argmax()) if known.any() else None


class First(Feature):
    """The value of the oldest row that has one."""

    name = "first"
    summary = "The value of the oldest row in the window that has one; null over no such row."

    first: ExpressionText = Field(description=EXPRESSION, examples=["minutes_late"])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the value of the oldest row that has one."""
        return {"oldest": PartialAggregate("oldest", self.first, self.where)}

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return the oldest row with a value."""
        return int(known.nonzero()[0][-1]) if known.any() else None


class AsOf(Feature):
    """The value of the newest known row, null included."""

    name = "as_of"
    summary = "The value of the newest known row, null included; it takes no windows."
    takes_windows = False

    as_of: ExpressionText = Field(
        description="An expression over columns of the source, computed on the newest known row. It takes no windows.",
        examples=["seats"],
    )

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return the value of the newest row."""
        return {"newest": PartialAggregate("newest", self.as_of, self.where, nulls=True)}

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return the newest row."""
        return 0 if len(known) else None

    @property
    def formula(self) -> str:
        """What it is, such as ``newest known grade``."""
        return f"newest known {self.as_of}"


class TimeSinceLast(Feature):
    """The time from the newest row to the tick."""

    name = "time_since_last"
    of_labels = False
    summary = "Seconds from the newest row in the window to the tick; null over no row."
    gives = "float"
    fixed_unit = "s"
    reads_tick = True

    time_since_last: Literal[True] = Field(description="Write true.", examples=[True])

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return when the newest row happened."""
        return {"newest": PartialAggregate("newest", None, self.where)}

    def value(self, merged: Merged) -> Any:
        """Return the time in seconds."""
        return (merged.tick - merged["newest"]).cast("float64") / float(_SECOND)

    def explaining_row(self, values: np.ndarray, known: np.ndarray) -> int | None:
        """Return the newest row."""
        return 0 if len(known) else None
