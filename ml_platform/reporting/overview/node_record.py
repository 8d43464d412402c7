"""The newest rows of a source or a feature table, and how often it broke."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.formatting import counted, instant_text, share_text
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.sources.checks.results import CheckHistory, check_history
from ml_platform.sources.ingest_history import late_rows
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.outputs import current_output


@dataclass(frozen=True)
class NodeRecord:
    """The record of a source or a feature table.

    Attributes
    ----------
    newest
        The newest instant at which a row, or a value, became known; None before the first.
    late, rows
        Of a source: how many of its rows came late, known only from their ingest on.
    monthly_cost
        Of a source, where it is declared.
    """

    newest: datetime | None
    checks: CheckHistory
    late: int = 0
    rows: int = 0
    monthly_cost: float | None = None

    @property
    def newest_text(self) -> str:
        """The newest instant."""
        return "no row yet" if self.newest is None else instant_text(self.newest)

    @property
    def breaks_text(self) -> str:
        """How often checks failed, and how many rows came late.

        >>> NodeRecord(None, CheckHistory(12, 0, {}, None)).breaks_text
        'no check of 12 runs failed'
        """
        runs = counted(self.checks.recorded, "run")
        text = f"no check of {runs} failed"
        if self.checks.failed:
            first = next(iter(self.checks.names))
            text = f"a check failed in {self.checks.failed} of {runs}, most often {first}"
        if self.late:
            text = f"{text}; {share_text(self.late / self.rows)} of rows came late"
        return text


def node_record(project: Project, kind: str, name: str) -> NodeRecord:
    """Return the record of a source or a feature table.

    Parameters
    ----------
    kind
        ``source`` or ``feature_table``.
    """
    node = NodeName(kind, name)
    id = current_output(project.database, node)
    newest = _newest(project, kind, id) if id else None
    late, rows = late_rows(project.database, name) if kind == "source" else (0, 0)
    return NodeRecord(
        newest=datetime.fromisoformat(newest) if newest else None,
        checks=check_history(project.database, node),
        late=late,
        rows=rows,
        monthly_cost=project.spec.sources[name].monthly_cost if kind == "source" else None,
    )


def _newest(project: Project, kind: str, id: str) -> str | None:
    try:
        return artifact_kind(kind).of(project.store.get(kind, id)).newest
    except (ArtifactMissing, ArtifactDamaged):
        return None
