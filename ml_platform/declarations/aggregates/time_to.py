"""How long it takes until a row meets a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ml_platform.core.clock import MICROSECOND, parse_duration
from ml_platform.core.expressions import Kind
from ml_platform.declarations.aggregates.feature import Feature
from ml_platform.declarations.aggregates.parts import Merged, PartialAggregate
from ml_platform.declarations.types import ExpressionText

_SECOND = parse_duration("1s") // MICROSECOND


class TimeTo(Feature):
    """The time from the prediction time to the first row that meets a condition, at most to the window's end.

    Where no row meets it, the time is censored: it is that to the end of the window. The mean of such times is the
    restricted mean survival time (https://en.wikipedia.org/wiki/Restricted_mean_survival_time).
    """

    name = "time_to"
    summary = "Seconds to the first row that meets the condition; over no such row, to the end of the window."
    of_features = False
    accepts = frozenset[Kind]({"bool"})
    remedy = "Write a condition, such as status == 'failed'"
    gives = "float"
    fixed_unit = "s"

    time_to: ExpressionText = Field(
        description="A condition on columns of the source.", examples=["status == 'failed'"]
    )

    def parts(self) -> Mapping[str, PartialAggregate]:
        """Return when the first row that meets the condition happened."""
        condition = f"({self.time_to})" if self.where is None else f"({self.where}) and ({self.time_to})"
        return {"first": PartialAggregate("least", None, condition)}

    def value(self, merged: Merged) -> Any:
        """Return the time in seconds."""
        import ibis

        end = ibis.coalesce(merged["first"], merged.end)
        return (end - merged.asked).cast("float64") / float(_SECOND)

    @property
    def formula(self) -> str:
        """What it is, such as ``time to a row with failed``."""
        return f"time to a row with {self.time_to}"
