"""The version that answered: what it was trained on and from, and how it came into production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, LedgerDamaged
from ml_platform.project import Project
from ml_platform.registry.champion import champion_ref
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.versions import version_of, versions

_SHOWN = ("lightgbm", "scikit-learn", "numpy", "pandas", "scipy", "ml-platform", "python")


@dataclass(frozen=True)
class DeploymentFacts:
    """A move of the champion, as the ledger records it.

    Attributes
    ----------
    until
        When the next one took its place; None while it is champion.
    actor
        Who deployed it, by the name that was claimed.
    os_user, host
        The operating system's user that the process ran as, and the machine.
    evaluation
        The evaluation artifact on which the deployment was based.
    figures
        The results of that evaluation, such as ``auc`` and ``value_vs_do_nothing``.
    interval
        The data on which the interval of the gain over doing nothing is based, or why there is none.
    """

    line: int
    at: datetime
    until: datetime | None
    actor: str
    os_user: str
    host: str
    action: str
    reason: str
    version: int | None
    trained_model: str
    from_version: int | None
    evaluation: str | None
    rule: str | None
    figures: Mapping[str, Any]
    currency: str
    interval: Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """What took part in the training besides the snapshot; ``not recorded`` where the manifest does not have it.

    Attributes
    ----------
    declaration
        The text of the model's declaration.
    packages
        Those that decide a fit, by name.
    """

    commit: str
    dirty: bool | None
    lock: Mapping[str, str]
    packages: Mapping[str, str]
    machine: Mapping[str, Any]
    threads: int | None
    declaration: str | None


@dataclass(frozen=True)
class VersionFacts:
    """One version of a model.

    Attributes
    ----------
    number
        None where the trained model was never registered.
    declaration
        The id of what decided the fit: rows, label, features, algorithm, payoffs, code.
    deployment
        The move that had made it champion when the prediction was made.
    champion_then, champion_now
        Numbers of the champions at the batch run and now.
    trained_until
        The last batch run of the rows that the predictor that answered was fitted on.
    rows
        Of the fit that was evaluated, by period of the split.
    problem
        Why the ledger cannot be trusted, so that no fact is taken from it.
    refit
        What the predictor that answered was fitted on where it is a refit, and what the evaluation judged.
    """

    model: str
    number: int | None
    trained_model: str
    snapshot: str
    registered_at: datetime | None
    algorithm: str
    trained_until: str
    rows: Mapping[str, int]
    declaration: str
    provenance: Provenance
    deployment: DeploymentFacts | None
    champion_then: int | None
    champion_now: int | None
    champion_now_since: datetime | None
    champion_now_actor: str | None
    problem: str
    refit: str | None = None

    def __str__(self) -> str:
        return f"{self.model}@{self.number or self.trained_model[:12]}"


def deployments(project: Project, model: str) -> list[DeploymentFacts]:
    """Return every move of a model's champion, oldest first."""
    lines = ledger_lines(project.database, champion_ref(model))
    ends = [line.at for line in lines[1:]] + [None] * bool(lines)
    numbers = {version.id: version.number for version in versions(project, model)}
    return [_deployment(line, end, numbers) for line, end in zip(lines, ends, strict=True)]


def deployment_at(project: Project, model: str, at: datetime) -> DeploymentFacts | None:
    """Return the move by which the champion at an instant had come into production; None before the first."""
    made = [deployment for deployment in deployments(project, model) if deployment.at <= at]
    return made[-1] if made else None


def version_facts(project: Project, model: str, trained_id: str, at: datetime) -> VersionFacts:
    """Return what is known of the version that answered a batch run.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
        Where the trained model's manifest cannot be read.
    """
    trained = project.store.get("trained_model", trained_id)
    version, about, problem = version_of(project, model, trained_id), TrainedModelManifest.of(trained), ""
    try:
        made = deployments(project, model)
    except LedgerDamaged as error:
        made, problem = [], str(error)
    then = next((deployment for deployment in reversed(made) if deployment.at <= at), None)
    now = made[-1] if made else None
    return VersionFacts(
        model=model,
        number=version.number if version else None,
        trained_model=trained_id,
        snapshot=trained.inputs.get("snapshot", version.snapshot if version else ""),
        registered_at=version.registered_at if version else None,
        algorithm=about.fitted_algorithm,
        trained_until=about.knows_until,
        rows=about.rows,
        refit=about.refit.text if about.refit else None,
        declaration=about.declaration,
        provenance=provenance_of(project, trained),
        deployment=then if then and then.trained_model == trained_id else None,
        champion_then=then.version if then else None,
        champion_now=now.version if now else None,
        champion_now_since=now.at if now else None,
        champion_now_actor=now.actor if now else None,
        problem=problem,
    )


def provenance_of(project: Project, trained: Artifact) -> Provenance:
    """Return what a trained model's manifest records of its training."""
    about = TrainedModelManifest.of(trained)
    recorded = about.provenance
    git = recorded.git if recorded else None
    packages = {**(recorded.packages if recorded else {}), **about.environment}
    unrecorded = "no git repository" if recorded else "not recorded"
    return Provenance(
        commit=git.commit if git else unrecorded,
        dirty=git.dirty if git else None,
        lock=recorded.lock if recorded else {},
        packages={name: str(packages[key]) for name in _SHOWN if (key := _key(name, packages))},
        machine=recorded.machine.as_json() if recorded else {},
        threads=recorded.threads if recorded else about.threads,
        declaration=_declared_text(project, trained),
    )


def _key(name: str, packages: Mapping[str, Any]) -> str | None:
    return next((key for key in (name, name.replace("-", "_")) if key in packages), None)


def _declared_text(project: Project, trained: Artifact) -> str | None:
    name = f"declared/models/{TrainedModelManifest.of(trained).model}.yaml"
    try:
        return project.store.read(trained.objects[name]).decode() if name in trained.objects else None
    except (ArtifactMissing, ArtifactDamaged):
        return None


def _deployment(line: LedgerLine, until: datetime | None, numbers: Mapping[str, int]) -> DeploymentFacts:
    facts = line.facts
    return DeploymentFacts(
        line=line.seq,
        at=line.at,
        until=until,
        actor=line.actor,
        os_user=line.os_user,
        host=line.host,
        action=line.action,
        reason=line.reason,
        version=facts.get("version", numbers.get(line.to_value or "")),
        trained_model=line.to_value or "",
        from_version=facts.get("from_version", numbers.get(line.from_value or "")),
        evaluation=facts.get("evaluation"),
        rule=facts.get("rule"),
        figures=facts.get("figures", {}),
        currency=facts.get("currency", ""),
        interval=facts.get("interval", {}),
    )
