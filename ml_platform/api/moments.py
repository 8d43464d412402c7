"""Moments that a notebook gives to a function."""

from __future__ import annotations

from datetime import datetime

from ml_platform.core.errors import InvalidMoment


def moment_or(moment: datetime | None, default: datetime, function: str, name: str) -> datetime:
    """Return a moment that a caller gave, or the default where there is none.

    Raises
    ------
    InvalidMoment
        Where it is no datetime, or has no time zone.
    """
    if moment is None:
        return default
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InvalidMoment(function, name, moment)
    return moment
