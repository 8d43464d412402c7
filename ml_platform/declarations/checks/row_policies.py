"""Checks of what a source declares about dirty rows."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import FaultKind
from ml_platform.declarations.checks.problems import Place, Problem
from ml_platform.declarations.row_policies import has_quarantine, needs_value
from ml_platform.declarations.source import SourceSpec


def check_row_policies(where: str, source: SourceSpec) -> Iterator[Problem]:
    """Yield where a value that a row needs may become null, and a limit for rows that nothing lets pass."""
    for name, column in source.columns.items():
        if column.on_error == "null" and needs_value(source, name):
            text = (
                "every row needs this value (key, event timestamp, known_at, cursor or required), so it cannot be null"
            )
            place: Place = ("columns", name, "on_error")
            yield Problem(
                where, place, f"{text}. Write on_error: quarantine, or remove it", kind=FaultKind.NEEDLESS_KEY
            )
    if source.quarantine is not None and not has_quarantine(source):
        text = "no row can be dirty and ingested. Declare on_error or duplicates, or remove it"
        yield Problem(where, ("quarantine",), text, kind=FaultKind.NEEDLESS_KEY)
