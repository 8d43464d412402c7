"""Words of the command line that every command reads alike: instants, days, spans, a model and a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from ml_platform.core.clock import parse_duration, parse_instant
from ml_platform.core.errors import PlatformError

_PROJECT_FILE = "project.yaml"


class UsageError(PlatformError):
    """What was written on the command line cannot be read, or does not go together."""


def model_and_directory(word: str | None, directory: Path | None) -> tuple[str | None, Path]:
    """Return the model and the project's folder that ``[MODEL] [DIRECTORY]`` name; both may be left out.

    The only word is the folder where it is a path (it has a separator, or is ``.`` or ``..``) or a folder with a
    project. Otherwise it is a model of the project in the current folder; where there is none, it is a folder.
    """
    if word is None or directory is not None:
        return word, directory if directory is not None else Path()
    folder = Path(word)
    if _is_folder(word) or not Path(_PROJECT_FILE).exists():
        return None, folder
    return word, Path()


def names_and_directory(words: Sequence[str]) -> tuple[list[str], Path]:
    """Return the names and the project's folder that ``NAME ... [DIRECTORY]`` give.

    The last word is the folder where it is a path (it has a separator, or is ``.`` or ``..``), or a project is there.
    """
    if words and _is_folder(words[-1]):
        return [*words[:-1]], Path(words[-1])
    return [*words], Path()


def _is_folder(word: str) -> bool:
    return os.sep in word or word in (os.curdir, os.pardir) or (Path(word) / _PROJECT_FILE).exists()


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
