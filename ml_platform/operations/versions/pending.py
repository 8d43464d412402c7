"""Versions that only need a person's approval to become champion."""

from __future__ import annotations

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project
from ml_platform.registry.approvals import asks_for_approval, decision_on
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.key import KIND as EVALUATION
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version, version_of


def last_evaluation(project: Project, model: str) -> Artifact | None:
    """Return the evaluation that was made last for a model; None where there is none that can be read."""
    id = current_output(project.database, f"{model}/{EVALUATION}")
    try:
        return None if id is None else project.store.get(EVALUATION, id)
    except (ArtifactMissing, ArtifactDamaged):
        return None


def waiting_version(project: Project, model: str) -> Version | None:
    """Return the version that waits for approval: evaluated last, good enough, not the champion, not decided on."""
    evaluation = last_evaluation(project, model) if asks_for_approval(project, model) else None
    if evaluation is None or EvaluationManifest.of(evaluation).verdict != "deploy":
        return None
    version, current = version_of(project, model, evaluation.inputs["trained_model"]), champion(project, model)
    if version is None or version.id == (current.id if current else None):
        return None
    return None if decision_on(project, model, version.id) else version


def waiting_alert(project: Project, version: Version) -> Alert:
    """Return the alert, once, about a version that waits."""
    return Alert(
        key=f"approval.{version.model}.{version.id}",
        title=f"{project.spec.name}: {version} waits for approval",
        body=f"{version} met its gates and its release rule. The champion stays until somebody approves it.",
        severity="ticket",
        model=version.model,
        facts={"trained_model": version.id},
        next_step=f'Look at its evaluation, then: ml-platform approve {version} --reason "..."',
    )
