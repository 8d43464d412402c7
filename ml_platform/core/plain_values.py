"""Values of frames and arrays as Python and JSON have them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from ml_platform.core.hashing import format_instant

_NA = "NAType"
"""The type of the null of pandas, which cannot be compared. By its name, as pandas takes half a second to load."""


def plain_value(value: Any) -> Any:
    """Return one value as Python has it; None for every null.

    >>> import numpy as np
    >>> import pandas as pd
    >>> plain_value(np.int64(3)), plain_value(np.nan), plain_value(pd.NaT)
    (3, None, None)
    """
    if value is None or type(value).__name__ == _NA or value != value:
        return None
    if isinstance(value, datetime) and hasattr(value, "to_pydatetime"):  # a Timestamp of pandas
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def one_zero(value: Any) -> Any:
    """Return a value of a key: -0.0 as 0.0, since both are one key, and anything else as it is.

    >>> one_zero(-0.0), one_zero("-0.0")
    (0.0, '-0.0')
    """
    return value + 0.0 if isinstance(value, float) else value


def json_value(value: Any) -> Any:
    """Return a value, with all that it holds, in JSON types: no NaN, no scalars of NumPy, instants as UTC text.

    >>> json_value({"rows": (1, float("inf")), "at": datetime(2024, 1, 2, tzinfo=UTC)})
    {'rows': [1, None], 'at': '2024-01-02T00:00:00.000000Z'}
    """
    if isinstance(value, BaseModel):
        return json_value(value.model_dump(by_alias=True, exclude_unset=True))
    if isinstance(value, Mapping):
        return {str(name): json_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    if getattr(value, "size", 1) != 1 or getattr(value, "ndim", 0):
        return json_value(value.item() if value.size == 1 else value.tolist())
    plain = plain_value(value)
    if isinstance(plain, datetime):
        return format_instant(plain.replace(tzinfo=plain.tzinfo or UTC))
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None
    return plain if plain is None or isinstance(plain, bool | int | str) else str(plain)
