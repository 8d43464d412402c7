"""Parity of a model: drawn rows of the online store, and logged requests of some days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ml_platform.core.errors import NotMaterialized
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.predictor import load_deployed
from ml_platform.operations.parity.difference import Difference
from ml_platform.operations.parity.drawn import DrawnParity, compare_drawn
from ml_platform.operations.parity.requests import RequestParity, compare_requests
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.storage.artifact_kinds.parity import ParityManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output

DRAWN_ROWS = 300
"""So many entities of the online store are drawn."""


@dataclass(frozen=True)
class Parity:
    """What was compared, and what differs.

    Attributes
    ----------
    days
        UTC days whose logged requests were recomputed.
    """

    model: str
    days: tuple[date, ...]
    drawn: DrawnParity
    requests: RequestParity

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return self.drawn.compared.differing + self.requests.compared.differing

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The first differences: of logged requests, then of drawn rows."""
        return (*self.requests.compared.differences, *self.drawn.compared.differences)

    @property
    def facts(self) -> ParityManifest:
        """All of it as it is kept."""
        drawn, requests = self.drawn, self.requests
        by_column = Counter(requests.compared.by_column)
        by_column.update(drawn.compared.by_column)
        return ParityManifest(
            model=self.model,
            days=tuple(map(str, self.days)),
            logged=requests.logged,
            requests=requests.compared.rows,
            drawn=drawn.compared.rows,
            without_history=drawn.without_history,
            differing=self.differing,
            by_column=dict(by_column),
            late=requests.late,
            late_by_table=dict(requests.late_by_table),
            greatest_lag=dict(requests.greatest_lag),
            erased=requests.erased,
            differences=tuple(item.kept for item in self.differences),
        )


def measure_parity(
    project: Project, model: str, trained: Artifact, days: Sequence[date], size: int, now: datetime
) -> Parity:
    """Compare logged requests of some days, and drawn rows as a trained model answers them.

    Parameters
    ----------
    trained
        The trained model that drawn rows are predicted with; each request is predicted with its own.
    size
        The most requests that are compared.

    Raises
    ------
    OnlineStoreUnavailable, ArtifactMissing, ArtifactDamaged
    """
    requests = compare_requests(project, model, days, size)
    drawn = compare_drawn(project, model, load_deployed(project, trained), DRAWN_ROWS, now)
    return Parity(model, tuple(days), drawn, requests)


def newest_days(now: datetime) -> tuple[date, ...]:
    """Return yesterday and today, in UTC."""
    today = now.astimezone(UTC).date()
    return today - timedelta(days=1), today


def compared_version(project: Project, model: str) -> Artifact:
    """Return the champion's trained model; before the first champion, the one that was made last.

    Raises
    ------
    NotMaterialized
    """
    current, node = champion(project, model), NodeName("trained_model", model)
    id = current.id if current else current_output(project.database, node)
    if id is None:
        raise NotMaterialized(NodeName("parity", model), node)
    return project.store.get("trained_model", id)
