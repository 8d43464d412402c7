"""How old the newest row of a source may be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ml_platform.core.clock import format_duration
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.empty_log import has_rows
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact


def check_freshness(spec: SourceSpec, artifact: Artifact, now: datetime) -> tuple[CheckResult, ...]:
    """Return whether the newest row became known within the declared span, where one is declared."""
    if spec.freshness is None:
        return ()
    if not has_rows(artifact):
        return (CheckResult("freshness", True, summary={"newest": "no row yet"}),)
    newest = datetime.fromisoformat(SourceManifest.of(artifact).newest or "")
    passed = now - newest <= spec.freshness
    summary: dict[str, Any] = {"newest": format_instant(newest), "limit": format_duration(spec.freshness)}
    if not passed:
        summary["problem"] = f"newest row became known {format_duration(now - newest)} ago, limit {summary['limit']}"
    return (CheckResult("freshness", passed, "error", summary),)
