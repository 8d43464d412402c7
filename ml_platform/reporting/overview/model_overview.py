"""A model at a glance: what is live, what it earned, whether it is healthy, what comes next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.resolve import feature_tables_of, sources_of
from ml_platform.operations.monitoring.drift_counts import DriftCounts
from ml_platform.operations.versions.pending import last_evaluation
from ml_platform.project import Project
from ml_platform.reporting.overview.attention import Attention, Health, find_attention, health_of
from ml_platform.reporting.overview.next_runs import NextRuns, next_runs
from ml_platform.reporting.overview.simplest import Simplest, simplest_evaluated
from ml_platform.reporting.overview.version_history import VersionHistory, version_history
from ml_platform.reporting.overview.worth import Worth, realized_worth
from ml_platform.reporting.status import DataStatus, ModelStatus, ProjectStatus, project_status
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.manifest import Artifact


@dataclass(frozen=True)
class ModelOverview:
    """One model at an instant.

    Attributes
    ----------
    worth
        What its predictions earned since the first deployment; None while no label is settled.
    window_worth
        The same in the newest settled window of monitoring.
    drift
        How many columns have drifted; None before the first monitoring.
    attention
        What needs a person, then what is worth a look.
    versions
        The newest first.
    data
        The sources and feature tables that it reads.
    simplest
        The simplest that is good enough on the newest test rows; None where nothing simpler was evaluated.
    """

    name: str
    description: str
    owner: str
    unit: str
    status: ModelStatus
    worth: Worth | None
    window_worth: Worth | None
    drift: DriftCounts | None
    attention: tuple[Attention, ...]
    versions: tuple[VersionHistory, ...]
    next_runs: NextRuns
    data: tuple[DataStatus, ...]
    simplest: Simplest | None = None

    @property
    def health(self) -> Health:
        """Whether somebody must act."""
        return health_of(self.attention)

    @property
    def live(self) -> VersionHistory | None:
        """The version that answers; None where none was deployed."""
        return next((version for version in self.versions if version.outcome == "live"), None)

    @property
    def last_training(self) -> VersionHistory | None:
        """The version that was trained last; None before the first."""
        return self.versions[0] if self.versions else None

    @property
    def live_text(self) -> str:
        """Which version answers and since when, in a few words."""
        return f"version {self.live.number} since {self.live.since:%Y-%m-%d}" if self.live else "none"

    @property
    def worth_text(self) -> str:
        """What it is worth, in a sentence: what it earned, or what its test rows let expect."""
        if self.worth is not None:
            followed = f" {self.worth.followed_text}" if self.worth.followed_text else ""
            return f"Since {self.worth.start} it {self.worth.text}.{followed}"
        tested = self.live.tested if self.live else None
        if tested is None:
            return "Nothing is earned yet: no version is live."
        return f"No label of a prediction is known yet. On its test rows it {tested.text}."

    def as_json(self) -> dict[str, Any]:
        """Return plain values, with the sentences that people read; `status` and `data` are left out."""
        document: dict[str, Any] = json_value(
            {
                "name": self.name,
                "description": self.description,
                "owner": self.owner,
                "unit": self.unit,
                "health": self.health,
                "live": self.live.number if self.live else None,
                "worth_text": self.worth_text,
                "worth": self.worth.as_json() if self.worth else None,
                "window_worth": self.window_worth.as_json() if self.window_worth else None,
                "drift": asdict(self.drift) | {"text": self.drift.text} if self.drift else None,
                "attention": [asdict(item) for item in self.attention],
                "versions": [asdict(item) | {"text": item.text} for item in self.versions],
                "simplest": self.simplest.as_json() if self.simplest else None,
                "next_runs": asdict(self.next_runs) | {"training_text": self.next_runs.training_text},
            }
        )
        return document


def model_overview(project: Project, name: str, now: datetime) -> ModelOverview:
    """Return one model at a glance."""
    return next(item for item in project_overview(project, now) if item.name == name)


def project_overview(project: Project, now: datetime) -> tuple[ModelOverview, ...]:
    """Return every model of a project at a glance, in the order of their names."""
    status = project_status(project, now)
    return tuple(overview_of(project, status, model) for model in status.models)


def overview_of(project: Project, status: ProjectStatus, model: ModelStatus) -> ModelOverview:
    """Return a model at a glance from the status of its project."""
    spec, unit = project.spec.models[model.name], project.spec.unit_of_value(model.name)
    monitoring = model.monitoring
    currency = (monitoring.currency if monitoring else None) or unit
    worth = realized_worth(monitoring.realized_since, currency) if monitoring else None
    drift = monitoring.drift if monitoring and monitoring.drift.columns else None
    data, evaluation = _data(project, status, model.name), last_evaluation(project, model.name)
    history = version_history(project, model.name, status.now)
    about = EvaluationManifest.of(evaluation) if evaluation else None
    return ModelOverview(
        name=model.name,
        description=spec.description,
        owner=spec.owner,
        unit=unit,
        status=model,
        worth=worth,
        window_worth=realized_worth(monitoring.realized, currency) if monitoring else None,
        drift=drift,
        attention=find_attention(project, model, data, about, worth, drift, status.online_store),
        versions=history,
        next_runs=next_runs(spec, status.now),
        data=data,
        simplest=_simplest(project, spec, evaluation, history) if evaluation else None,
    )


def _simplest(
    project: Project, spec: ModelSpec, evaluation: Artifact, history: tuple[VersionHistory, ...]
) -> Simplest | None:
    try:
        trained = project.store.get("trained_model", evaluation.inputs["trained_model"])
    except (ArtifactMissing, ArtifactDamaged):
        return None
    numbers = {version.id: version.number for version in history}
    live = next((version.id for version in history if version.outcome == "live"), None)
    return simplest_evaluated(EvaluationManifest.of(evaluation), trained, spec, numbers, live)


def _data(project: Project, status: ProjectStatus, model: str) -> tuple[DataStatus, ...]:
    spec = project.spec.models[model]
    sources, tables = sources_of(project.spec, spec), feature_tables_of(project.spec, spec)
    return (
        *(item for item in status.sources if item.name in sources),
        *(item for item in status.feature_tables if item.name in tables),
    )
