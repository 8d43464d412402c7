"""Monitoring of a model at an instant: drift, realized value, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Figures, Items
from ml_platform.storage.manifest import StoredObject


class MonitoringManifest(ArtifactKind):
    """What the manifest of monitoring holds; where no version is deployed, only the first four facts.

    Attributes
    ----------
    verdict
        ``drift``, ``stable``, ``too few rows``, or that no version is deployed.
    window
        The first and the last instant of the window, under ``start`` and ``end``.
    columns
        Figures of the drift of each column.
    unlearned_nulls
        How many predictions of the window have a null where training had none, by column.
    realized, realized_since
        Realized value in the newest settled window, and since the first deployment.
    finding
        The id of an open finding of drift.
    report
        The path of the page below the project's state.
    """

    name: ClassVar[str] = "monitoring"
    retention = "monitoring"
    roles = MappingProxyType({"champion": "trained_model"})
    persons = "masked"

    model: str
    at: str
    verdict: str
    reason: str
    version: int | None = None
    trained_model: str | None = None
    window: dict[str, str] | None = None
    rows: int | None = None
    columns: Items[Figures] | None = None
    unlearned_nulls: dict[str, int] | None = None
    currency: str | None = None
    realized: Figures | None = None
    realized_since: Figures | None = None
    missed: Figures | None = None
    metrics: Figures | None = None
    metrics_version: int | None = None
    finding: str | None = None
    report: str | None = None
    report_problem: str | None = None
    erased: int | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of the figures; the page, which holds random names, takes no part."""
        return content_id(self.as_json())
