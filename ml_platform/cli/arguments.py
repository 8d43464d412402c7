"""Instants, days and spans as they are written on the command line: every option takes the same forms."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ml_platform.core.clock import parse_duration, parse_instant
from ml_platform.core.errors import PlatformError


class UsageError(PlatformError):
    """What was written on the command line cannot be read, or does not go together."""


def read_instant(text: str, option: str) -> datetime:
    """Return the instant that an option names, in UTC: a time with its zone, or a day, which begins at midnight UTC.

    Raises
    ------
    UsageError
    """
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from None


def read_day(text: str) -> date:
    """Return the UTC day that an option names.

    Raises
    ------
    UsageError
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a day. Write it as 2013-12-01.") from None


def read_span(text: str, option: str) -> timedelta:
    """Return the span of time that an option names.

    Raises
    ------
    UsageError
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from None
