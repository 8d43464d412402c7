"""The status of a project: sources, feature tables, champions, predictions, drift, value, alerts. Read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.audit.reproduce.history import ReproductionRun, attempts
from ml_platform.core.errors import ArtifactMissing
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.node_kinds import made_by
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.alerts import recent_alerts
from ml_platform.operations.monitoring.drift_counts import DriftCounts, count_verdicts
from ml_platform.operations.monitoring.drift_episodes import Finding, open_findings
from ml_platform.operations.online.freshness import OnlineStatus, online_status
from ml_platform.operations.parity.check import ParityStatus, parity_status
from ml_platform.operations.predictions.missed import Missed, missed_rows
from ml_platform.operations.versions.pending import waiting_version
from ml_platform.project import Project
from ml_platform.registry.rollout import rollout_of
from ml_platform.reporting.live_version import ChampionStatus, champion_status
from ml_platform.reporting.mlflow.outbox import count_waiting
from ml_platform.sources.checks.results import last_recording
from ml_platform.sources.clock_check import clock_note
from ml_platform.sources.ingest_history import last_ingest
from ml_platform.sources.upstream import read_upstream
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest, RealizedSums
from ml_platform.storage.failures import Failure, failures
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output
from ml_platform.storage.prediction_log import logged_days
from ml_platform.storage.versions import versions

if TYPE_CHECKING:
    from ml_platform.operations.predictions.capacity_use import CapacityUse


@dataclass(frozen=True)
class DataStatus:
    """A source or a feature table.

    Attributes
    ----------
    id
        The artifact that is current; None before the first.
    newest
        The newest instant: of a source, at which a row became known; of a feature table, at which a value did.
    failed_checks
        Names of the checks that stop what depends on it, and `failed_texts` with what each found.
    failure
        Why it failed when it was computed last; None where it did not.
    upstream
        Of a source: what it no longer has and what waits to be known, in figures, and `notes` on it in sentences.
    """

    name: str
    id: str | None
    rows: int | None
    newest: str | None
    failed_checks: tuple[str, ...]
    failure: Failure | None = None
    upstream: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    failed_texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonitoringStatus:
    """The figures of the last monitoring.

    Attributes
    ----------
    unlearned_nulls
        How many predictions of the window are null in a column that had no null in training, by column.
    realized
        The value of predictions whose labels are settled, over the batch runs from ``start`` to ``end``: the newest
        settled window.
    realized_since
        The same since the model's first deployment.
    currency
        What both are in: the currency of the versions that earned them, which the project may no longer declare.
    """

    at: str
    verdict: str
    reason: str
    rows: int
    drifted: tuple[str, ...]
    undecided: tuple[str, ...]
    drift: DriftCounts
    unlearned_nulls: Mapping[str, int]
    realized: RealizedSums | None
    realized_since: RealizedSums | None
    currency: str | None
    metrics: Mapping[str, float | None]
    report: str | None


@dataclass(frozen=True)
class ModelStatus:
    """One model.

    Attributes
    ----------
    predictions
        How many are in the log.
    last_day
        The last day of the log, and `last_day_predictions` on it.
    missed
        The rows of the monitoring window that got no prediction in time; None where no day of it is logged.
    reproduced
        The last time that one of its versions was trained again, and the outcome; None before the first.
    waiting
        The number of the version that waits for approval; None where none does.
    failures
        Its nodes that failed when they were computed last.
    nodes
        What its nodes of kinds from installed packages made last.
    parity
        The last comparison of what it served with what training reads; None where it does not answer requests.
    rollout
        The version that is rolled out, with its stage; None where none is.
    capacity
        How many places of a limited action are taken on the newest day; None where no action is limited.
    """

    name: str
    task: str
    versions: int
    champion: ChampionStatus | None
    predictions: int
    last_day: str | None
    last_day_predictions: int
    missed: Missed | None
    monitoring: MonitoringStatus | None
    findings: tuple[Finding, ...]
    reproduced: ReproductionRun | None
    waiting: int | None
    failures: tuple[Failure, ...] = ()
    nodes: tuple[DataStatus, ...] = ()
    parity: ParityStatus | None = None
    rollout: str | None = None
    capacity: CapacityUse | None = None


@dataclass(frozen=True)
class ProjectStatus:
    """A whole project at an instant.

    Attributes
    ----------
    mlflow_waiting
        How many records MLflow has not taken yet.
    clock
        What a clock means that is before what was recorded, in a sentence; None where it is not.
    online_store
        Which tick of each feature table online models read; None where no model is online.
    """

    project: str
    now: datetime
    currency: str
    sources: tuple[DataStatus, ...]
    feature_tables: tuple[DataStatus, ...]
    models: tuple[ModelStatus, ...]
    alerts: tuple[Mapping[str, Any], ...]
    mlflow_waiting: int = 0
    clock: str | None = None
    online_store: OnlineStatus | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the status in JSON types."""
        return dict(json_value(asdict(self)))


def project_status(project: Project, now: datetime) -> ProjectStatus:
    """Return the status of a project at `now`. Nothing is computed or changed."""
    spec = project.spec
    return ProjectStatus(
        project=spec.name,
        now=now,
        currency=spec.file.currency,
        sources=tuple(_data(project, NodeName("source", name)) for name in spec.sources),
        feature_tables=tuple(_data(project, NodeName("feature_table", name)) for name in spec.feature_tables),
        models=tuple(_model(project, name, now) for name in spec.models),
        alerts=tuple(recent_alerts(project, limit=10)),
        mlflow_waiting=count_waiting(project),
        clock=clock_note(project.database, now),
        online_store=online_status(project, now),
    )


def _data(project: Project, node: NodeName) -> DataStatus:
    artifact = _current(project, node, made_by(node.kind))
    recording = last_recording(project.database, node)
    manifest = artifact_kind(artifact.kind).of(artifact) if artifact else None
    ingest = last_ingest(project.database, node.subject) if node.kind == "source" and artifact else None
    upstream = read_upstream(ingest.upstream) if ingest else None
    return DataStatus(
        name=node.subject,
        id=artifact.id if artifact else None,
        rows=manifest.row_count if manifest else None,
        newest=manifest.newest if manifest else None,
        failed_checks=recording.blocking if recording else (),
        failed_texts=recording.blocking_texts if recording else (),
        failure=failures(project.database).get(node),
        upstream=asdict(upstream) if upstream else None,
        notes=upstream.notes() if upstream else (),
    )


def _model(project: Project, name: str, now: datetime) -> ModelStatus:
    days = logged_days(project, name)
    return ModelStatus(
        name=name,
        task=project.spec.models[name].task,
        versions=len(versions(project, name)),
        champion=champion_status(project, name, now),
        predictions=sum(day.rows for day in days),
        last_day=days[-1].day.isoformat() if days else None,
        last_day_predictions=days[-1].rows if days else 0,
        missed=missed_rows(project, name, now),
        monitoring=_monitoring(project, name),
        findings=tuple(open_findings(project, name)),
        waiting=waiting.number if (waiting := waiting_version(project, name)) else None,
        reproduced=next((item for item in attempts(project) if item.version.partition("@")[0] == name), None),
        failures=tuple(item for item in failures(project.database).values() if item.node.startswith(f"{name}/")),
        nodes=tuple(_more_nodes(project, name)),
        parity=parity_status(project, name),
        rollout=running.words if (running := rollout_of(project, name)) else None,
        capacity=_capacity(project, name, now),
    )


def _capacity(project: Project, name: str, now: datetime) -> CapacityUse | None:
    if not project.spec.models[name].value.capacity:
        return None
    from ml_platform.operations.predictions.capacity_use import capacity_use

    return capacity_use(project, name, now)


def _more_nodes(project: Project, name: str) -> Iterator[DataStatus]:
    for kind in project.spec.models[name].nodes or {}:
        yield replace(_data(project, node := NodeName(kind, name)), name=str(node))


def _monitoring(project: Project, name: str) -> MonitoringStatus | None:
    artifact = _current(project, NodeName("monitoring", name), "monitoring")
    if artifact is None:
        return None
    about = MonitoringManifest.of(artifact)
    return MonitoringStatus(
        at=about.at,
        verdict=about.verdict,
        reason=about.reason,
        rows=about.rows or 0,
        drifted=tuple(column.column for column in about.columns or () if column.drifted),
        undecided=tuple(column.column for column in about.columns or () if column.verdict == "inconclusive"),
        drift=count_verdicts(column.verdict for column in about.columns or ()),
        unlearned_nulls=about.unlearned_nulls or {},
        realized=about.realized,
        realized_since=about.realized_since,
        currency=about.currency,
        metrics=about.metrics or {},
        report=str(project.state / about.report) if about.report else None,
    )


def _current(project: Project, node: str, kind: str) -> Artifact | None:
    id = current_output(project.database, node)
    try:
        return None if id is None else project.store.get(kind, id)
    except ArtifactMissing:
        return None
