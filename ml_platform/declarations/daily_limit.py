"""How many rows may get an action each day, as a text such as ``200 per day Europe/Berlin``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from ml_platform.core.clock import read_zone
from ml_platform.declarations.yaml.pydantic_errors import show

_TEXT = re.compile(r"([1-9]\d{0,8}) per day ([A-Za-z][\w+/-]*)")


def read_daily_limit(text: str) -> tuple[int, str]:
    """Return the number of rows and the time zone whose days are counted.

    >>> read_daily_limit("200 per day Europe/Berlin")
    (200, 'Europe/Berlin')
    """
    match = _TEXT.fullmatch(text)
    assert match is not None, "checked when the declaration was read"
    return int(match[1]), match[2]


def _daily_limit(value: Any) -> str:
    match = _TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{show(value)} is no capacity. Write how many rows a day may get the action, and the time zone of the "
            "day, such as 200 per day Europe/Berlin"
        )
    read_zone(match[2])
    return match[0]


DailyLimit = Annotated[
    str, BeforeValidator(_daily_limit), WithJsonSchema({"type": "string", "pattern": rf"^{_TEXT.pattern}$"})
]
