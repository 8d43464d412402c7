"""Conditions on texts: by code points, so that small and capital letters differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ml_platform.core.expressions.arrays import Values
from ml_platform.core.expressions.functions.function import PlainFunction
from ml_platform.core.expressions.types import Kind, count_operands, expect_kinds


class _OfText(PlainFunction):
    passes_on = True
    keeps_null = True
    method: ClassVar[str]
    """Of Python's str."""

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return bool."""
        count_operands(self.name, kinds, 2)
        expect_kinds(self.name, kinds, {"string"})
        return "bool"

    def arrays(self, *values: Values) -> Values:
        """Return which texts meet the condition; a null meets none."""
        texts, parts = np.broadcast_arrays(*values)
        pairs = zip(texts.ravel(), parts.ravel(), strict=True)
        met = [isinstance(x, str) and isinstance(y, str) and getattr(x, self.method)(y) for x, y in pairs]
        return np.array(met, dtype=bool).reshape(texts.shape)

    def row(self, *values: Any) -> Any:
        """Return whether a text meets the condition."""
        text, part = values
        return getattr(text, self.method)(part)


class Contains(_OfText):
    """``contains(x, part)``."""

    name = "contains"
    signature = "contains(x, part)"
    summary = "Whether a text has another one in it."
    method = "__contains__"

    def engine(self, *values: Any) -> Any:
        """Return which texts have the other in them."""
        return values[0].contains(values[1])


class StartsWith(_OfText):
    """``starts_with(x, part)``."""

    name = "starts_with"
    signature = "starts_with(x, part)"
    summary = "Whether a text begins with another one."
    method = "startswith"

    def engine(self, *values: Any) -> Any:
        """Return which texts begin with the other."""
        return values[0].startswith(values[1])


class EndsWith(_OfText):
    """``ends_with(x, part)``."""

    name = "ends_with"
    signature = "ends_with(x, part)"
    summary = "Whether a text ends with another one."
    method = "endswith"

    def engine(self, *values: Any) -> Any:
        """Return which texts end with the other."""
        return values[0].endswith(values[1])
