"""What the catalog shows of a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ml_platform.core.formatting import span_text
from ml_platform.declarations.gates import evaluated_gates
from ml_platform.declarations.model import Algorithm, ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.resolve import feature_tables_of, feature_type
from ml_platform.operations.monitoring.drift_episodes import open_findings
from ml_platform.operations.monitoring.unlearned import unlearned_text
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.basis import interval_text
from ml_platform.registry.evaluation.reasons import reasons_of
from ml_platform.registry.measured_gates import last_measured
from ml_platform.reporting.catalog.artifact_status import artifact_or_problem, current_artifact, declaration_of
from ml_platform.reporting.catalog.data_age import model_age
from ml_platform.reporting.catalog.model_facts import Champion, GateFacts, Judged, ModelFacts, ModelFeature, Monitored
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.reporting.catalog.usage import feature_origins, link_of
from ml_platform.reporting.live_version import champion_status
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest, GateResult
from ml_platform.storage.artifact_kinds.figures import IntervalBasis
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.prediction_log import logged_days
from ml_platform.storage.versions import version_of, versions


def model_importances(project: Project, name: str, now: datetime) -> Mapping[str, float]:
    """Return what a model makes of each column of its matrix: the champion, else the version trained last."""
    trained, _ = _trained(project, name, now)
    return _importances(trained)


def model_facts(project: Project, name: str, now: datetime) -> ModelFacts:
    """Return what the catalog shows of a model at an instant."""
    spec, days = project.spec.models[name], logged_days(project, name)
    trained, untrained = _trained(project, name, now)
    evaluation, unjudged = current_artifact(project, NodeName("evaluation", name), "evaluation")
    monitoring, unwatched = current_artifact(project, NodeName("monitoring", name), "monitoring")
    return ModelFacts(
        name=name,
        description=spec.description,
        owner=spec.owner,
        declared=declaration_of(project, f"models/{name}"),
        task=spec.task if spec.quantile is None else f"{spec.task} {spec.quantile:g}",
        population=link_of(required_columns(project.spec, spec).node),
        asking=tuple(Link("sources", source) for source in spec.population.sources),
        entity=spec.population.entity,
        asked=spec.population.asked,
        label=Link("sources", spec.label.source),
        label_expression=spec.label.formula,
        horizon=span_text(spec.label.horizon),
        age=model_age(project.spec, spec),
        algorithm=_algorithm(spec.algorithm),
        baselines=tuple(_algorithm(baseline) for baseline in spec.baselines),
        transforms=spec.transforms,
        split=_split(spec),
        value=_value(spec),
        do_nothing=spec.value.do_nothing,
        unit=project.spec.unit_of_value(name),
        batch=spec.batch.words,
        retraining=_retraining(spec),
        watched=span_text(spec.monitoring.window),
        versions=len(versions(project, name)),
        champion=_champion(project, name, now),
        judged=_judged(evaluation),
        gates=_gates(project, spec, evaluation),
        features=_features(project, spec, _importances(trained)),
        importances_of=_called(project, name, trained),
        predictions=sum(day.rows for day in days),
        last_day=days[-1].day.isoformat() if days else "",
        last_day_predictions=days[-1].rows if days else 0,
        monitored=_monitored(project, name, monitoring),
        tables=feature_tables_of(project.spec, spec),
        problems=tuple(problem for problem in (untrained, unjudged, unwatched) if problem),
    )


def _trained(project: Project, name: str, now: datetime) -> tuple[Artifact | None, str]:
    version = champion(project, name, at=now)
    if version is not None:
        return artifact_or_problem(project, "trained_model", version.id)
    return current_artifact(project, NodeName("trained_model", name), "trained_model")


def _importances(trained: Artifact | None) -> Mapping[str, float]:
    return dict(TrainedModelManifest.of(trained).importances) if trained is not None else {}


def _called(project: Project, name: str, trained: Artifact | None) -> str:
    if trained is None or not TrainedModelManifest.of(trained).importances:
        return ""
    version = version_of(project, name, trained.id)
    return str(version or trained.short_id)


def _algorithm(algorithm: Algorithm) -> str:
    return algorithm.name if algorithm.expression is None else f"{algorithm.name}: {algorithm.expression}"


def _split(spec: ModelSpec) -> dict[str, str]:
    split = spec.split
    return {"train": span_text(split.train), "validate": span_text(split.validate_), "test": span_text(split.test)}


def _value(spec: ModelSpec) -> dict[str, str]:
    return dict(spec.value.actions) if spec.value.actions is not None else {"payoff": str(spec.value.payoff)}


def _retraining(spec: ModelSpec) -> str:
    schedule, on = spec.retraining.schedule, spec.retraining.on
    reasons = [schedule.words] if schedule else []
    return ", ".join([*reasons, *(f"on {reason}" for reason in on)])


def _champion(project: Project, name: str, now: datetime) -> Champion | None:
    status = champion_status(project, name, now)
    if status is None:
        return None
    low, high = (status.value.get(f"value_vs_do_nothing_{end}") for end in ("low", "high"))
    text = interval_text(low, high, IntervalBasis.model_validate(status.interval)) if status.interval else ""
    return Champion(status.version, status.since, status.actor, status.reason, status.value, text, status.refit or "")


def _judged(evaluation: Artifact | None) -> Judged | None:
    if evaluation is None:
        return None
    about = EvaluationManifest.of(evaluation)
    return Judged(
        verdict=about.verdict,
        reasons=tuple(reasons_of(about)),
        rows=about.rows,
        days=about.days,
        first=datetime.fromisoformat(about.start),
        last=datetime.fromisoformat(about.end),
        figures=about.figures,
    )


def _gates(project: Project, spec: ModelSpec, evaluation: Artifact | None) -> tuple[GateFacts, ...]:
    """Return the gates of a model, each with its figure if it was asked with this limit."""
    asked: list[GateResult] = []
    if evaluation is not None:
        measured = last_measured(project, spec.name, evaluation.inputs["trained_model"])
        asked = [*EvaluationManifest.of(evaluation).gates, *measured]
    judged = {(gate.name, gate.limit): gate for gate in asked}
    gates = []
    for name, gate in {**spec.gates, **evaluated_gates(spec)}.items():
        held = judged.get((name, str(gate)))
        gates.append(GateFacts(name, str(gate), held.figure if held else None, held.passed if held else None))
    return tuple(gates)


def _features(project: Project, spec: ModelSpec, importances: Mapping[str, float]) -> tuple[ModelFeature, ...]:
    """Return the model's features and what its transforms add, the most important first."""
    features = [
        ModelFeature(dotted, link, _type(project, link), _unit(project, link), importances.get(dotted))
        for dotted, link in feature_origins(project.spec, spec).items()
    ]
    declared = {feature.name for feature in features}
    added = [
        ModelFeature(column, Link("models", spec.name), "", "", share)
        for column, share in importances.items()
        if column not in declared
    ]
    return tuple(sorted([*features, *added], key=lambda feature: -(feature.importance or 0.0)))


def _type(project: Project, link: Link) -> str:
    return feature_type(project.spec, f"{link.name}.{link.column}")


def _unit(project: Project, link: Link) -> str:
    if link.kind == "sources":
        return project.spec.sources[link.name].columns[link.column].unit or ""
    table = project.spec.feature_tables[link.name]
    return table.features[table.columns[link.column][0]].value_unit


def _monitored(project: Project, name: str, monitoring: Artifact | None) -> Monitored | None:
    if monitoring is None:
        return None
    about, findings = MonitoringManifest.of(monitoring), open_findings(project, name)
    realized = about.realized
    rows, interval = (realized.rows, realized.interval) if realized else (0, None)
    return Monitored(
        at=datetime.fromisoformat(about.at),
        verdict=about.verdict,
        reason=about.reason,
        columns=tuple(column.column for column in about.columns or () if column.drifted),
        undecided={
            column.column: column.smallest_visible for column in about.columns or () if column.verdict == "inconclusive"
        },
        unlearned_nulls=unlearned_text(nulls) if (nulls := about.unlearned_nulls) else "",
        open_since=findings[0].opened_at if findings else None,
        settled=rows,
        earned=realized.uplift if realized and rows else None,
        interval=interval_text(interval.low, interval.high, interval) if interval else "",
    )
