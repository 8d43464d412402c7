"""The absolute value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, count_operands, expect_kinds, number_kind


class Absolute(PlainFunction):
    """``abs(x)``."""

    name = "abs"
    signature = "abs(x)"
    summary = (
        "The value without its sign; null for the smallest whole number, whose absolute value needs more than 64 bits."
    )
    passes_on = True
    keeps_null = True

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return the operand's kind."""
        count_operands(self.name, kinds, 1)
        expect_kinds(self.name, kinds, {"bool", "int", "float", "duration"})
        return number_kind(kinds[0])

    def arrays(self, *values: Values) -> Values:
        """Return absolute values."""
        result: Values = np.abs(values[0])
        return result

    def row(self, *values: Any) -> Any:
        """Return the absolute value."""
        return abs(values[0])

    def engine(self, *values: Any) -> Any:
        """Return absolute values."""
        from ml_platform.core.expressions.compiled import fitting

        return fitting(lambda value: value.abs())(*values)
