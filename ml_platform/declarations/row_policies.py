"""What becomes of a row that does not fit its source's declaration: the declared policy of each column."""

from __future__ import annotations

from ml_platform.declarations.dirty_rows import DEFAULT_LIMIT, OnErrorPolicy
from ml_platform.declarations.source import SourceSpec


def needs_value(spec: SourceSpec, column: str) -> bool:
    """Return whether a row without a value in this column is dirty."""
    times = (spec.event_timestamp, spec.known_at.column, spec.reader.cursor)
    return column in spec.key or column in times or spec.columns[column].required


def on_error_of(spec: SourceSpec, column: str | None = None) -> OnErrorPolicy:
    """Return what is done with a value that does not fit its column; without one, with a row that has no cells.

    A source's ``null`` holds for the columns that may be null: a row that needs the value goes into quarantine.
    """
    declared = spec.columns[column].on_error if column is not None else None
    if declared is not None:
        return declared
    whole = spec.on_error or "fail"
    return "quarantine" if whole == "null" and (column is None or needs_value(spec, column)) else whole


def accepts_dirty_rows(spec: SourceSpec) -> bool:
    """Return whether any policy lets an ingest go on although a value does not fit."""
    return any(on_error_of(spec, column) != "fail" for column in (None, *spec.columns))


def limit_of(spec: SourceSpec) -> float:
    """Return the share of dirty rows that one ingest accepts."""
    return spec.quarantine.at_most if spec.quarantine is not None else DEFAULT_LIMIT


def has_quarantine(spec: SourceSpec) -> bool:
    """Return whether rows of the source may go into quarantine, or lose a value."""
    return accepts_dirty_rows(spec) or spec.duplicates == "quarantine"
