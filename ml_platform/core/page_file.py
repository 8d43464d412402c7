"""One page, written as a file where the user asked for it."""

from __future__ import annotations

from pathlib import Path

from ml_platform.core.errors import PageNotWritten
from ml_platform.core.private_files import shared_as_wanted


def write_page_file(text: str, file: Path) -> Path:
    """Write a page, in place of an older file of this name, and return its whole path.

    Raises
    ------
    PageNotWritten
        Where the file cannot be written.
    """
    target = file.resolve()
    try:
        with shared_as_wanted():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PageNotWritten(file, error.strerror or str(error)) from None
    return target
