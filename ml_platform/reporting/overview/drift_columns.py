"""The columns of a model beside their usual ranges: what moved, how far it may move, where it is now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml_platform.core.errors import ArtifactMissing
from ml_platform.core.formatting import share_text
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.monitoring.column_range import ColumnRange, column_range
from ml_platform.operations.monitoring.drift_counts import DriftCounts, count_verdicts
from ml_platform.project import Project
from ml_platform.reporting.catalog.models import model_importances
from ml_platform.reporting.overview.worth import realized_worth
from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures, MonitoringManifest
from ml_platform.storage.outputs import current_output


@dataclass(frozen=True)
class DriftOverview:
    """The newest look at drift of one model.

    Attributes
    ----------
    start, end
        The window, in ISO format; None where no version was live.
    reason
        The verdict in a sentence.
    columns
        The one furthest beyond its range first.
    importance
        What the columns that drifted have of the importance of all features, as a share; None where none drifted, or
        the version has no importances.
    earned
        What the window earned beside what was expected of it, in a sentence; empty where that is not known.
    """

    model: str
    at: str
    version: int | None
    start: str | None
    end: str | None
    verdict: str
    reason: str
    rows: int
    counts: DriftCounts
    columns: tuple[ColumnRange, ...]
    importance: float | None = None
    earned: str = ""

    @property
    def importance_text(self) -> str:
        """Whether the drift can matter to predictions, in a sentence; empty where that is not known."""
        if self.importance is None:
            return ""
        return f"The columns that drifted have {share_text(self.importance)} of the importance of all features."

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        document: dict[str, Any] = json_value(asdict(self))
        return document


def _importance(project: Project, model: str, now: datetime, columns: Sequence[ColumnFigures]) -> float | None:
    importances = model_importances(project, model, now)
    drifted = [column.column for column in columns if column.verdict == "drifted"]
    known = [importances[column] for column in drifted if column in importances]
    return math.fsum(known) if known else None


def drift_overview(project: Project, model: str) -> DriftOverview | None:
    """Return the newest look at drift of a model; None before the first monitoring."""
    id = current_output(project.database, NodeName("monitoring", model))
    try:
        about = MonitoringManifest.of(project.store.get("monitoring", id)) if id else None
    except ArtifactMissing:  # removed by retention
        return None
    if about is None:
        return None
    window, columns = about.window or {}, about.columns or ()
    return DriftOverview(
        model=model,
        at=about.at,
        version=about.version,
        start=window.get("start"),
        end=window.get("end"),
        verdict=about.verdict,
        reason=about.reason,
        rows=about.rows or 0,
        counts=count_verdicts(column.verdict for column in columns),
        columns=tuple(column_range(column) for column in columns),
        importance=_importance(project, model, datetime.fromisoformat(about.at), columns),
        earned=worth.beside_expected if (worth := realized_worth(about.realized, about.currency or "")) else "",
    )
