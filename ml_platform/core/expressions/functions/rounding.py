"""Rounding: floats become floats without a fraction, whole numbers stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, count_operands, expect_kinds, number_kind


class _Rounding(PlainFunction):
    passes_on = True
    keeps_null = True

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return the operand's kind."""
        count_operands(self.name, kinds, 1)
        expect_kinds(self.name, kinds, {"bool", "int", "float"})
        return number_kind(kinds[0])


def _unless_whole(values: Values, rounded: Callable[[Values], Values]) -> Values:
    return values if values.dtype.kind == "i" else rounded(values)


def _of_float(value: Any, rounded: Callable[[Any], Any]) -> Any:
    return rounded(value) if value.type().is_floating() else value


class Floor(_Rounding):
    """``floor(x)``."""

    name = "floor"
    signature = "floor(x)"
    summary = "The greatest whole number that is not above x."

    def row(self, *values: Any) -> Any:
        """Return the floor."""
        return values[0] if isinstance(values[0], int) else float(np.floor(values[0]))

    def arrays(self, *values: Values) -> Values:
        """Return floors."""
        return _unless_whole(values[0], np.floor)

    def engine(self, *values: Any) -> Any:
        """Return floors."""
        from ml_platform.core.engines.ibis_functions import floor_float

        return _of_float(values[0], floor_float)


class Ceil(_Rounding):
    """``ceil(x)``."""

    name = "ceil"
    signature = "ceil(x)"
    summary = "The least whole number that is not below x."

    def row(self, *values: Any) -> Any:
        """Return the ceiling."""
        return values[0] if isinstance(values[0], int) else float(np.ceil(values[0]))

    def arrays(self, *values: Values) -> Values:
        """Return ceilings."""
        return _unless_whole(values[0], np.ceil)

    def engine(self, *values: Any) -> Any:
        """Return ceilings."""
        from ml_platform.core.engines.ibis_functions import ceil_float

        return _of_float(values[0], ceil_float)


class Round(_Rounding):
    """``round(x)``."""

    name = "round"
    signature = "round(x)"
    summary = "The nearest whole number; halves go to the even one, as in Python."

    def row(self, *values: Any) -> Any:
        """Return the rounded value."""
        return values[0] if isinstance(values[0], int) else float(np.rint(values[0]))

    def arrays(self, *values: Values) -> Values:
        """Return rounded values."""
        return _unless_whole(values[0], np.rint)

    def engine(self, *values: Any) -> Any:
        """Return rounded values."""
        from ml_platform.core.engines.ibis_functions import half_to_even

        return _of_float(values[0], half_to_even)
