"""The length of a span of time as a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ml_platform.core.clock import MICROSECOND, parse_duration
from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, count_operands, expect_kinds


class _Length(PlainFunction):
    unit: ClassVar[str]
    keeps_null = True

    @property
    def _micros(self) -> int:
        return parse_duration(self.unit) // MICROSECOND

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return float."""
        count_operands(self.name, kinds, 1)
        expect_kinds(self.name, kinds, {"duration"})
        return "float"

    def arrays(self, *values: Values) -> Values:
        """Return lengths."""
        result: Values = values[0] / self._micros
        return result

    def row(self, *values: Any) -> Any:
        """Return the length."""
        return float(values[0]) / self._micros

    def engine(self, *values: Any) -> Any:
        """Return lengths."""
        import ibis

        from ml_platform.core.expressions.compiled import divide

        return divide(values[0], ibis.literal(self._micros))


class Minutes(_Length):
    """``minutes(span)``."""

    name = "minutes"
    signature = "minutes(span)"
    summary = "The length of a span in minutes."
    unit = "1m"


class Hours(_Length):
    """``hours(span)``."""

    name = "hours"
    signature = "hours(span)"
    summary = "The length of a span in hours."
    unit = "1h"


class Days(_Length):
    """``days(span)``."""

    name = "days"
    signature = "days(span)"
    summary = "The length of a span in days of 24 hours."
    unit = "1d"
