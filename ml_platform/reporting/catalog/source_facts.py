"""What the catalog shows of a source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_platform.reporting.catalog.node_facts import CheckFacts, Declared, Link, StoredState, Use


@dataclass(frozen=True)
class SourceColumn:
    """One column of a source."""

    name: str
    type: str
    unit: str
    description: str
    required: bool
    null_share: float | None
    used_by: tuple[Link, ...]


@dataclass(frozen=True)
class DirtyRowsFact:
    """How many rows do not fit the declaration for one reason.

    Attributes
    ----------
    handled
        ``quarantine``, or ``null``: ingested without the value.
    """

    reason: str
    column: str
    handled: str
    rows: int


@dataclass(frozen=True)
class SourceFacts:
    """A source.

    Attributes
    ----------
    known
        When its rows are known, as a sentence.
    ingests
        How often it was read.
    waiting
        How many rows wait to be known, and until when the last of them does.
    notes
        What a person should look at: rows and files that are gone, rows that are known only far ahead, dirty rows.
    dirty
        Dirty rows by reason.
    """

    name: str
    description: str
    owner: str
    declared: Declared
    reader: str
    key: tuple[str, ...]
    event_timestamp: str
    known: str
    freshness: str
    stored: StoredState
    events: tuple[datetime, datetime] | None
    ingests: int
    new_rows: int | None
    waiting: tuple[int, str]
    notes: tuple[str, ...]
    columns: tuple[SourceColumn, ...]
    checks: tuple[CheckFacts, ...]
    used_by: tuple[Use, ...]
    dirty: tuple[DirtyRowsFact, ...] = ()
