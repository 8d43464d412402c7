"""The columns of a model beside their usual ranges: what moved, how far it may move, where it is now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml_platform.core.errors import ArtifactMissing
from ml_platform.core.formatting import share_text, spaced_percents
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.monitoring.drift_counts import DriftCounts, count_verdicts
from ml_platform.project import Project
from ml_platform.reporting.catalog.models import model_importances
from ml_platform.reporting.overview.worth import realized_worth
from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures, MonitoringManifest
from ml_platform.storage.outputs import current_output

_WHAT = {
    "missing": "share missing",
    "level": "mean rank",
    "spread": "spread of ranks",
    "position": "mean normal score",
}


@dataclass(frozen=True)
class ColumnRange:
    """One column of the newest window.

    Attributes
    ----------
    what
        Which figure moved furthest for what it moves anyway: ``missing``, ``level``, ``spread``, ``position`` or
        ``share of VALUE``.
    low, high
        The range of this figure in which the column has not drifted; None where no change would be detected.
    now
        The figure in the window.
    smallest_visible
        The smallest changes that would be found.
    note
        Why there is no verdict; empty where there is one.
    """

    column: str
    role: str
    verdict: str
    what: str
    by_growth: bool
    low: float | None
    high: float | None
    now: float
    smallest_visible: str
    note: str

    @property
    def is_share(self) -> bool:
        """Whether the figure is a share."""
        return _is_share(self.what)

    @property
    def what_text(self) -> str:
        """What moved, in words."""
        what = _WHAT.get(self.what, self.what)
        return f"{what} of its growth a day" if self.by_growth and not self.is_share else what

    @property
    def range_text(self) -> str:
        """The range in which the column has not drifted."""
        if self.low is None or self.high is None:
            return "no limit"
        return f"{self._figure(self.low)} to {self._figure(self.high)}"

    @property
    def now_text(self) -> str:
        """The figure in the window."""
        return self._figure(self.now)

    def _figure(self, figure: float) -> str:
        return share_text(figure) if self.is_share else f"{figure:.2f}".replace("-", "−")


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


def column_range(column: ColumnFigures) -> ColumnRange:
    """Return one column of a `MonitoringManifest` beside its usual range.

    >>> found = column_range(ColumnFigures.model_construct(
    ...     column="a", role="feature", verdict="drifted", what="missing", by_growth=False, expected=0.02, mean=0.164,
    ...     threshold=0.05, note="", smallest_visible="missing 2.0% -> 7.0%"))
    >>> found.what_text, found.range_text, found.now_text, found.smallest_visible
    ('share missing', '0 % to 7.0 %', '16.4 %', 'missing 2.0 % -> 7.0 %')
    """
    low, high = _range(column.expected, column.threshold, is_share=_is_share(column.what))
    return ColumnRange(
        column=column.column,
        role=column.role,
        verdict=column.verdict,
        what=column.what,
        by_growth=column.by_growth,
        low=low,
        high=high,
        now=column.mean,
        smallest_visible=spaced_percents(column.smallest_visible),
        note=column.note,
    )


def _range(expected: float, threshold: float | None, *, is_share: bool) -> tuple[float | None, float | None]:
    if threshold is None:
        return None, None
    low, high = expected - threshold, expected + threshold
    return (max(low, 0.0), min(high, 1.0)) if is_share else (low, high)


def _is_share(what: str) -> bool:
    return what == "missing" or what.startswith("share of ")
