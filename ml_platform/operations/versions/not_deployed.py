"""A version that was not deployed: what people read of it, and whether someone must act.

A challenger that loses is a normal outcome: the champion stays. Someone must act where a gate is missed, or
where the champion itself earns no more than doing nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ml_platform.core.errors import listed
from ml_platform.core.hashing import content_id
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.reasons import reasons_of
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.versions import Version, version_of


def kept_headline(about: EvaluationManifest, current: Version | None, challenger: Version | None) -> str:
    """Return the outcome in a few words, such as ``kept version 1``, from what an evaluation holds."""
    if challenger is not None and current is not None and challenger.id == current.id:
        if about.verdict == "deploy none":
            return f"version {current.number} stays, which earns no more than doing nothing: deploy none"
        return f"version {current.number} stays, though it would not be released today"
    kept = "nothing is deployed" if current is None else f"kept version {current.number}"
    if about.verdict == "deploy none":
        return f"{kept}, which earns no more than doing nothing: deploy none"
    return kept


def kept_text(project: Project, evaluation: Artifact) -> str:
    """Return why a version was not deployed: the outcome, and each reason with its figure and its limit."""
    about = EvaluationManifest.of(evaluation)
    current, challenger = champion(project, about.model), _challenger(project, evaluation)
    return f"{kept_headline(about, current, challenger)}: {'; '.join(reasons_of(about))}"


def missed_gates(about: EvaluationManifest) -> list[str]:
    """Return the names of the gates that a version misses."""
    return [gate.name for gate in about.gates if not gate.passed]


def someone_must_act(about: EvaluationManifest) -> bool:
    """Return whether an evaluation shows more than a challenger that lost."""
    return bool(missed_gates(about)) or about.verdict == "deploy none"


def kept_alert(project: Project, evaluation: Artifact) -> Alert:
    """Return the alert that a version is not deployed, once for each evaluation: a report, or a ticket to act on."""
    about, challenger = EvaluationManifest.of(evaluation), _challenger(project, evaluation)
    current = champion(project, about.model)
    is_champion = challenger is not None and current is not None and challenger.id == current.id
    what = "on newer rows" if is_champion else "is not deployed"
    return Alert(
        key=f"kept.{about.model}.{evaluation.id}",
        title=f"{project.spec.name}: {about.model} {kept_headline(about, current, challenger)}",
        body=f"{challenger or 'The trained model'} {what}: {'; '.join(reasons_of(about))}.",
        severity="ticket" if someone_must_act(about) else "report",
        model=about.model,
        facts={"evaluation": evaluation.id},
        next_step=_next_step(about),
    )


def measured_alert(project: Project, evaluation: Artifact, reasons: Sequence[str], missed: Sequence[str]) -> Alert:
    """Return the alert that a version met its evaluation, and missed gates that were measured for its deployment.

    It is raised once for the gates that are missed: each run measures, and another gate is another cause.

    Parameters
    ----------
    missed
        The names of the gates.
    """
    about, challenger = EvaluationManifest.of(evaluation), _challenger(project, evaluation)
    return Alert(
        key=f"measured.{about.model}.{evaluation.id}.{content_id(sorted(missed))[:12]}",
        title=f"{project.spec.name}: {challenger or about.model} is not deployed",
        body=f"{'; '.join(reasons)}.",
        severity="ticket",
        model=about.model,
        facts={"evaluation": evaluation.id},
        next_step=f"Find out why, or change gates in models/{about.model}.yaml. The next run measures again.",
    )


def _next_step(about: EvaluationManifest) -> str:
    if about.verdict == "deploy none":
        return (
            f"On the test days the champion of {about.model} earned no more than doing nothing. Decide whether to "
            "go on acting on its predictions."
        )
    missed = missed_gates(about)
    if missed:
        model = about.model
        return f"Find out why {model} misses {listed(missed)}, or change gates in models/{model}.yaml."
    return ""


def _challenger(project: Project, evaluation: Artifact) -> Version | None:
    return version_of(project, EvaluationManifest.of(evaluation).model, evaluation.inputs["trained_model"])
