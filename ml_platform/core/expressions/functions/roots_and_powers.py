"""Square root, logarithm and exponential function: floats, null outside of their domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, count_operands, expect_kinds


class _Real(PlainFunction):
    steps = 2
    keeps_null = True
    mentions = 2

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return float."""
        count_operands(self.name, kinds, 1)
        expect_kinds(self.name, kinds, {"bool", "int", "float"})
        return "float"


def _inside(value: Any, domain: Any) -> Any:
    """Return a value, null outside of a domain, where the engine would stop."""
    import ibis

    return ibis.ifelse(domain, value, ibis.null("float64")).cast("float64")


class SquareRoot(_Real):
    """``sqrt(x)``."""

    name = "sqrt"
    signature = "sqrt(x)"
    summary = "The square root; null for a negative number."
    passes_on = True

    def arrays(self, *values: Values) -> Values:
        """Return square roots."""
        result: Values = np.sqrt(values[0])
        return result

    def row(self, *values: Any) -> Any:
        """Return the square root."""
        return float(np.sqrt(float(values[0]))) if values[0] >= 0 else None

    def engine(self, *values: Any) -> Any:
        """Return square roots."""
        return _inside(values[0], values[0] >= 0).sqrt()


class Logarithm(_Real):
    """``log(x)``."""

    name = "log"
    signature = "log(x)"
    summary = "The natural logarithm; null for zero and below."
    passes_on = True

    def arrays(self, *values: Values) -> Values:
        """Return natural logarithms."""
        result: Values = np.log(np.where(values[0] > 0, values[0], np.nan))
        return result

    def row(self, *values: Any) -> Any:
        """Return the natural logarithm."""
        return float(np.log(float(values[0]))) if values[0] > 0 else None

    def engine(self, *values: Any) -> Any:
        """Return natural logarithms."""
        return _inside(values[0], values[0] > 0).ln()


class Exponential(_Real):
    """``exp(x)``."""

    name = "exp"
    signature = "exp(x)"
    summary = "e to the power of x; null where that is no finite number."
    may_overflow = True

    def arrays(self, *values: Values) -> Values:
        """Return powers of e."""
        result: Values = np.exp(values[0])
        return result

    def engine(self, *values: Any) -> Any:
        """Return powers of e."""
        return _inside(values[0], values[0] == values[0]).exp()
