"""Hour, weekday and month of an instant, in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_platform.core.clock import MICROSECOND, parse_duration
from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, count_operands, expect_kinds

_HOUR = parse_duration("1h") // MICROSECOND


class _Calendar(PlainFunction):
    keeps_null = True

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return int."""
        count_operands(self.name, kinds, 1)
        expect_kinds(self.name, kinds, {"timestamp"})
        return "int"


def _cycle(micros: Any, unit: int, first: int, length: int) -> Any:
    """Return which of `length` units an instant lies in, counted from `first` at 1970."""
    import ibis

    from ml_platform.core.engines.ibis_functions import floor_divide, modulo

    units = floor_divide(micros, ibis.literal(unit))
    return modulo(units + first if first else units, ibis.literal(length))


class Hour(_Calendar):
    """``hour(t)``."""

    name = "hour"
    signature = "hour(t)"
    summary = "The hour of an instant in UTC, 0 to 23."
    mentions = 8

    def arrays(self, *values: Values) -> Values:
        """Return hours."""
        result: Values = values[0] // _HOUR % 24
        return result

    def row(self, *values: Any) -> Any:
        """Return the hour."""
        return values[0] // _HOUR % 24

    def engine(self, *values: Any) -> Any:
        """Return hours."""
        return _cycle(values[0], _HOUR, 0, 24)


class Weekday(_Calendar):
    """``weekday(t)``."""

    name = "weekday"
    signature = "weekday(t)"
    summary = "The weekday of an instant in UTC: 0 is Monday, 6 is Sunday."
    mentions = 8

    def arrays(self, *values: Values) -> Values:
        """Return weekdays; 1970 began on a Thursday."""
        result: Values = (values[0] // (24 * _HOUR) + 3) % 7
        return result

    def row(self, *values: Any) -> Any:
        """Return the weekday."""
        return (values[0] // (24 * _HOUR) + 3) % 7

    def engine(self, *values: Any) -> Any:
        """Return weekdays."""
        return _cycle(values[0], 24 * _HOUR, 3, 7)


class Month(_Calendar):
    """``month(t)``."""

    name = "month"
    signature = "month(t)"
    summary = "The month of an instant in UTC, 1 to 12."

    def arrays(self, *values: Values) -> Values:
        """Return months."""
        result: Values = values[0].astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        return result

    def engine(self, *values: Any) -> Any:
        """Return months."""
        from ml_platform.core.engines.ibis_functions import wall_time_of

        return wall_time_of(values[0]).month().cast("int64")
