"""Arrays with a null mask: what expressions are evaluated over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ml_platform.core.expressions.types import Kind

Values: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True)
class Array:
    """Values of one kind, and which of them are null; the value of a null has no meaning."""

    kind: Kind
    values: Values
    nulls: Values


def truth(item: Array) -> Values:
    """Return a condition's values as bools."""
    return item.values.astype(bool)


def values_as(kind: Kind, item: Array) -> Values:
    """Return the values in the type of `kind`; a null of no kind becomes that kind's filler."""
    types: dict[Kind, type] = {"string": object, "bool": bool, "float": np.float64, "null": np.float64}
    filled = np.full(item.values.shape, "", dtype=object) if (item.kind, kind) == ("null", "string") else item.values
    return filled.astype(types.get(kind, np.int64))
