"""The check that warns while rows of a source are in quarantine, or were ingested without a value."""

from __future__ import annotations

from ml_platform.declarations.row_policies import has_quarantine
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.upstream import Upstream

QUARANTINE = "quarantine"


def check_quarantine(spec: SourceSpec, upstream: Upstream) -> tuple[CheckResult, ...]:
    """Return the check of a source that accepts dirty rows; nothing of other sources."""
    if not has_quarantine(spec):
        return ()
    notes = upstream.dirty_notes()
    summary = {"quarantined_rows": upstream.quarantined.rows, "rows_without_a_value": upstream.nulled.rows}
    problem = {"problem": ". ".join(notes)} if notes else {}
    return (CheckResult(QUARANTINE, not notes, "warn", {**summary, **problem}),)
