"""What the catalog shows of every node: links, use, declaration, status, checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ml_platform.sources.checks.results import Severity

State = Literal["made", "not made yet", "missing"]


@dataclass(frozen=True)
class Link:
    """Something that the catalog shows.

    Attributes
    ----------
    kind
        ``sources``, ``features`` or ``models``: the folder of its declaration.
    column
        One of its columns; empty where all of it is meant.
    """

    kind: str
    name: str
    column: str = ""


@dataclass(frozen=True)
class Use:
    """Who uses a thing, and what as."""

    by: Link
    role: str


@dataclass(frozen=True)
class Declared:
    """A declaration as it is written."""

    file: str
    text: str


@dataclass(frozen=True)
class StoredState:
    """What of a source or a feature table is there.

    Attributes
    ----------
    made_at
        When it was last brought up to date.
    newest
        The newest instant that it has data of.
    problem
        Why facts are missing although it was made.
    """

    state: State
    id: str | None = None
    made_at: datetime | None = None
    rows: int | None = None
    newest: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class CheckFacts:
    """An expectation, and its last result; `passed` is None where it was never evaluated on rows."""

    name: str
    expects: str
    severity: Severity
    passed: bool | None
    problem: str = ""
