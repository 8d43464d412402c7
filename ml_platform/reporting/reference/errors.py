"""Every error code with its cause and its cure."""

from __future__ import annotations

from ml_platform.core.errors import ALL_CODES, ErrorCode
from ml_platform.reporting.reference.markdown import Page


def errors_page() -> Page:
    """Return the page of error codes, each in a section of its own."""
    return Page(
        "errors",
        "Errors",
        "Every error has a code, which the command line prints with the message. `ml-platform error CODE` shows the "
        "same text.",
        tuple(_section(name, item) for _, (item, name) in sorted(ALL_CODES.items())),
    )


def _section(name: str, item: ErrorCode) -> str:
    head = f"## {item.code} {{ #{item.code.lower()} }}"
    return f"{head}\n\n**Cause.** {item.cause}\n\n**Cure.** {item.cure}\n\nPython class: `{name}`"
