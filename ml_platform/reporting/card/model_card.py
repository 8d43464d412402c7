"""Everything that the page of a model shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, PlatformError
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.monitoring.column_range import ColumnRange, column_range
from ml_platform.project import Project
from ml_platform.registry.evaluation.behavior import behavior_of
from ml_platform.reporting.card.action_words import ActionWords, action_words
from ml_platform.reporting.card.limits import limits_of
from ml_platform.reporting.mlflow.page_links import run_address
from ml_platform.reporting.mlflow.runs import tracked_run
from ml_platform.reporting.overview.ablation_lines import AblationLine, ablation_lines
from ml_platform.reporting.overview.complexity import complexity_sentences
from ml_platform.reporting.overview.model_overview import ModelOverview
from ml_platform.reporting.overview.slice_lines import SliceLine, slice_lines
from ml_platform.reporting.overview.version_history import VersionHistory
from ml_platform.reporting.overview.worth import DayWorth, worth_by_day
from ml_platform.storage.artifact_kinds.ablation import AblationManifest
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest
from ml_platform.storage.artifact_kinds.behavior import BehaviorManifest
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output, past_outputs

DAYS = 92
"""How many days are drawn."""
_EVALUATIONS = 1000


@dataclass(frozen=True)
class ModelCard:
    """One version of a model, with what its model earned.

    Attributes
    ----------
    version
        The live one, or the one that was named; the newest where none is live; None before the first.
    days
        What the model's predictions earned by day, whichever version made them.
    deployed
        When versions became live, as UTC day and number.
    evaluation
        The newest in which the version was the challenger.
    complexity
        What the version earned more than each algorithm that was fitted beside it, in sentences.
    behavior
        Of the version on the test rows of this evaluation; None where it cannot be computed: `problems` has the reason.
    drift
        Each column beside its usual range, the furthest beyond it first.
    backtest
        The last one of the model; None where it declares none.
    ablation, ablated
        The last one of the model, and a line for each part of its inputs.
    evidence
        The ids of the artifacts that the figures come from, by kind.
    elsewhere
        Addresses of what else shows the version, on the server of the site; they answer while `ml-platform up` runs.
    """

    overview: ModelOverview
    version: VersionHistory | None
    days: tuple[DayWorth, ...]
    deployed: tuple[tuple[str, int], ...]
    evaluation: EvaluationManifest | None
    slices: tuple[SliceLine, ...]
    complexity: tuple[str, ...]
    behavior: BehaviorManifest | None
    actions: tuple[ActionWords, ...]
    drift: tuple[ColumnRange, ...]
    backtest: BacktestManifest | None
    ablation: AblationManifest | None
    ablated: tuple[AblationLine, ...]
    limits: tuple[str, ...]
    evidence: Mapping[str, str]
    elsewhere: Mapping[str, str]
    problems: tuple[str, ...]

    @property
    def is_live(self) -> bool:
        """Whether the version is the one that answers."""
        return self.version is not None and self.version.outcome == "live"

    @property
    def earlier_days(self) -> DayWorth | None:
        """What the days before the shown ones earned in all; None where there are none, or no sum of days is shown.

        A measured effect is that of all days together.
        """
        worth = self.overview.worth
        shown = sum(day.rows for day in self.days)
        if worth is None or worth.held_out is not None or not self.days or worth.rows <= shown:
            return None
        gain, expected = math.fsum(day.gain for day in self.days), [day.expected for day in self.days]
        known = None if worth.expected is None else worth.expected - math.fsum(item or 0.0 for item in expected)
        return DayWorth(f"before {self.days[0].day}", worth.rows - shown, worth.gain - gain, known)


def model_card(project: Project, overview: ModelOverview, number: int | None = None) -> ModelCard:
    """Return what the page of a model shows.

    Parameters
    ----------
    number
        Of a version; None for the live one.
    """
    version = _version(overview, number)
    problems: list[str] = []
    evaluation = _evaluation(project, overview.name, version.id) if version else None
    trained = _read(project, "trained_model", version.id, problems) if version else None
    judged = EvaluationManifest.of(evaluation) if evaluation else None
    snapshot_id = evaluation.inputs["snapshot"] if evaluation else trained.inputs["snapshot"] if trained else ""
    snapshot = _read(project, "snapshot", snapshot_id, problems) if snapshot_id else None
    behavior = _behavior(project, overview.name, version, snapshot, problems)
    monitoring = _read(
        project, "monitoring", current_output(project.database, NodeName("monitoring", overview.name)), problems
    )
    backtest, ablation = (
        _read(project, kind, current_output(project.database, NodeName(kind, overview.name)), problems)
        for kind in ("backtest", "ablation")
    )
    inputs = AblationManifest.of(ablation) if ablation else None
    ids = {"trained model": trained, "snapshot": snapshot, "evaluation": evaluation, "monitoring": monitoring}
    ids |= {"backtest": backtest, "ablation": ablation}
    return ModelCard(
        overview=overview,
        version=version,
        days=worth_by_day(project, overview.name, DAYS),
        deployed=tuple((f"{item.since:%Y-%m-%d}", item.number) for item in reversed(overview.versions) if item.since),
        evaluation=judged,
        slices=slice_lines(judged) if judged else (),
        complexity=tuple(complexity_sentences(TrainedModelManifest.of(trained), judged)) if trained and judged else (),
        behavior=behavior,
        actions=action_words(behavior.actions, overview.status.task, overview.unit) if behavior else (),
        drift=tuple(map(column_range, MonitoringManifest.of(monitoring).columns or ())) if monitoring else (),
        backtest=BacktestManifest.of(backtest) if backtest else None,
        ablation=inputs,
        ablated=tuple(ablation_lines(project, inputs)) if inputs else (),
        limits=limits_of(
            TrainedModelManifest.of(trained) if trained else None,
            SnapshotManifest.of(snapshot) if snapshot else None,
            judged,
            overview.drift,
        ),
        evidence={kind: artifact.id for kind, artifact in ids.items() if artifact},
        elsewhere=_elsewhere(project, overview.name, version),
        problems=tuple(problems),
    )


def _elsewhere(project: Project, model: str, version: VersionHistory | None) -> Mapping[str, str]:
    run = tracked_run(project.database, model, version.id) if version else None
    in_mlflow = {"run in MLflow": run_address(project, run)} if run else {}
    return {**in_mlflow, "asset in Dagster": f"/assets/{NodeName('trained_model', model)}"}


def _version(overview: ModelOverview, number: int | None) -> VersionHistory | None:
    if number is not None:
        return next(item for item in overview.versions if item.number == number)
    return overview.live or overview.last_training


def _evaluation(project: Project, model: str, trained_id: str) -> Artifact | None:
    """Return the newest evaluation of a version as challenger that can still be read."""
    for id in past_outputs(project.database, NodeName("evaluation", model), _EVALUATIONS):
        artifact = _read(project, "evaluation", id, [])
        if artifact is not None and artifact.inputs["trained_model"] == trained_id:
            return artifact
    return None


def _read(project: Project, kind: str, id: str | None, problems: list[str]) -> Artifact | None:
    try:
        return project.store.get(kind, id) if id else None
    except (ArtifactMissing, ArtifactDamaged) as error:
        problems.append(str(error))
        return None


def _behavior(
    project: Project, model: str, version: VersionHistory | None, snapshot: Artifact | None, problems: list[str]
) -> BehaviorManifest | None:
    """Return the behavior; None where it cannot be computed: a page without it is better than no page."""
    if version is None or snapshot is None:
        return None
    try:
        return BehaviorManifest.of(behavior_of(project, model, version.id, snapshot.id))
    except PlatformError as error:
        problems.append(f"What its actions came to is not shown: {error}")
        return None


def cards_of(project: Project, overviews: tuple[ModelOverview, ...]) -> Mapping[str, ModelCard]:
    """Return the card of every model by its name."""
    return {overview.name: model_card(project, overview) for overview in overviews}
