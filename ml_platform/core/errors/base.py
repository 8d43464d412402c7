"""What every error of the platform is, and the words that they share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ml_platform.core.secrets import redact

MAX_LISTED = 5
_MAX_COMPARED = 200


def listed(values: Iterable[object], limit: int = MAX_LISTED) -> str:
    """Return `values` as a bounded, comma-separated list: ``a, b and 7 more``."""
    items = [str(value) for value in values]
    if len(items) <= limit:
        return ", ".join(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit} more"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the closest of `known`, or the known names themselves.

    >>> suggest("carier", ["carrier", "origin"])
    'Did you mean carrier?'
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6) if len(name) <= _MAX_COMPARED else []
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known: {listed(names)}." if names else "None is declared."


class PlatformError(Exception):
    """The root of every error that the platform raises on purpose. Its text contains no secret of the process.

    Examples
    --------
    >>> import ml_platform
    >>> try:
    ...     ml_platform.open_project("no_such_folder")
    ... except ml_platform.PlatformError as error:
    ...     print(type(error).__name__)
    DeclarationError
    """

    def __init__(self, *parts: object) -> None:
        super().__init__(*(redact(part) if isinstance(part, str) else part for part in parts))


@dataclass(frozen=True, order=True)
class Fault:
    """One fault in a declaration, with its place and the code of its kind."""

    file: str
    line: int
    column: int
    message: str
    code: str = "E-VALUE-001"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"
