"""Errors of what answers at the moment it is asked."""

from __future__ import annotations

from ml_platform.core.errors.base import PlatformError


class OnlineRequestFault(PlatformError):
    """What a request brings cannot be used: a column that is not asked for, or a value of another type."""


class OnlineStoreUnavailable(PlatformError):
    """The online store cannot be read or written, or does not hold what a model needs."""
