"""The code of an error, what causes it, and what cures it."""

from __future__ import annotations

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """The code of an error, what causes it, and what cures it."""

    code: str
    cause: str
    cure: str
