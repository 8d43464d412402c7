"""Errors of what answers at the moment it is asked."""

from __future__ import annotations

from ml_platform.core.errors.base import PlatformError


class NotOnline(PlatformError):
    """A model does not answer requests."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model} does not answer requests, so there is nothing to compare. To have it answer, declare "
            f"deployment: {{online: true}} in models/{model}.yaml."
        )


class OnlineRequestFault(PlatformError):
    """What a request brings cannot be used: a column that is not asked for, or a value of another type."""


class OnlineStoreUnavailable(PlatformError):
    """The online store cannot be read or written, or does not hold what a model needs."""
