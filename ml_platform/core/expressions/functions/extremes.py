"""The least and the greatest of several values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, KindError, common_kind, expect_kinds, number_kind


class _Extreme(PlainFunction):
    steps = 2
    mentions = 2

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return the kind that all operands share."""
        expect_kinds(self.name, kinds, {"bool", "int", "float", "timestamp", "duration"})
        if len(kinds) < 2:
            raise KindError(f"{self.name} takes two or more arguments, found {len(kinds)}")
        return number_kind(common_kind(kinds))


class Least(_Extreme):
    """``min(x, y, ...)``."""

    name = "min"
    signature = "min(x, y, ...)"
    summary = "The least of two or more numbers, instants or spans."

    def arrays(self, *values: Values) -> Values:
        """Return the least of each row."""
        result: Values = np.minimum.reduce(np.broadcast_arrays(*values))
        return result

    def engine(self, *values: Any) -> Any:
        """Return the least of each row."""
        import ibis

        return ibis.least(*values)


class Greatest(_Extreme):
    """``max(x, y, ...)``."""

    name = "max"
    signature = "max(x, y, ...)"
    summary = "The greatest of two or more numbers, instants or spans."

    def arrays(self, *values: Values) -> Values:
        """Return the greatest of each row."""
        result: Values = np.maximum.reduce(np.broadcast_arrays(*values))
        return result

    def engine(self, *values: Any) -> Any:
        """Return the greatest of each row."""
        import ibis

        return ibis.greatest(*values)
