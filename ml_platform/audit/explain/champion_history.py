"""What was in production at an instant: the champion, who deployed it, why, and by which figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.audit.explain.version_facts import (
    DeploymentFacts,
    VersionFacts,
    deployment_at,
    deployments,
    version_facts,
)
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.formatting import amount_text, figure_text, instant_text
from ml_platform.core.terminal_table import fact_table, line
from ml_platform.core.terminal_text import styled
from ml_platform.project import Project
from ml_platform.registry.evaluation.basis import interval_text
from ml_platform.registry.evaluation.reasons import figure_words
from ml_platform.storage.artifact_kinds.figures import IntervalBasis
from ml_platform.storage.versions import all_versions

if TYPE_CHECKING:
    from rich.console import Console

_METRICS = ("auc", "log_loss", "pinball", "rmse", "mae")
_AMOUNTS = {"value": "value", "value_vs_do_nothing": "gain over doing nothing"}


@dataclass(frozen=True)
class Production:
    """What was in production.

    Attributes
    ----------
    deployment
        The move that made it champion; None where nothing was deployed by then.
    version
        None where nothing was deployed, or its manifest cannot be read: `problem` then has the reason.
    first
        When the first version was deployed, where that was later.
    declared
        Whether the project still declares the model.
    """

    model: str
    at: datetime
    deployment: DeploymentFacts | None
    version: VersionFacts | None
    first: datetime | None
    problem: str
    declared: bool = True


def known_models(project: Project) -> list[str]:
    """Return the names of models that are declared, or that ever had a version."""
    return sorted({*project.spec.models, *(version.model for version in all_versions(project))})


def production_at(project: Project, model: str, at: datetime) -> Production:
    """Return what was in production at an instant, from the ledger."""
    deployment, declared = deployment_at(project, model, at), model in project.spec.models
    if deployment is None:
        made = deployments(project, model)
        return Production(model, at, None, None, made[0].at if made else None, "", declared)
    try:
        version = version_facts(project, model, deployment.trained_model, at)
    except (ArtifactMissing, ArtifactDamaged) as error:
        return Production(model, at, deployment, None, None, str(error), declared)
    return Production(model, at, deployment, version, None, "", declared)


def print_production(production: Production, console: Console) -> None:
    """Print what was in production."""
    deployment, version = production.deployment, production.version
    if deployment is None:
        later = f"; the first was, on {instant_text(production.first)}" if production.first else ""
        console.print(
            f"No version of {production.model} was deployed by {instant_text(production.at)}{later}.", highlight=False
        )
        return
    name = f"{production.model}@{deployment.version or deployment.trained_model[:12]}"
    console.print(styled("[bold]{}[/] was in production at {}", name, instant_text(production.at)))
    if not production.declared:
        console.print(line("The project declares no such model now: nothing is predicted by it.", "yellow", indent=2))
    console.print(fact_table(_deployment_facts(deployment, version, production.problem), indent=2))


def _interval(deployment: DeploymentFacts) -> str:
    low, high = (deployment.figures.get(f"value_vs_do_nothing_{end}") for end in ("low", "high"))
    return (
        interval_text(low, high, IntervalBasis.model_validate(deployment.interval))
        if deployment.interval
        else "not recorded"
    )


def _figures(figures: Mapping[str, float | None]) -> Iterator[str]:
    yield from (f"{figure_words(name)} {figure_text(figures[name])}" for name in _METRICS if name in figures)
    yield from (f"{words} {amount_text(figures[name])}" for name, words in _AMOUNTS.items() if name in figures)


def _deployment_facts(deployment: DeploymentFacts, version: VersionFacts | None, problem: str) -> list[tuple[str, str]]:
    from ml_platform.audit.explain.wording import champions_text, commit_text

    until = instant_text(deployment.until) if deployment.until else "now"
    before = f"version {deployment.from_version}" if deployment.from_version else "nothing"
    rows = [
        ("from", f"{instant_text(deployment.at)} until {until}"),
        ("by", f"{deployment.actor} ({deployment.action}, ledger line {deployment.line}), in place of {before}"),
        ("as user", f"{deployment.os_user} on {deployment.host}"),
        ("why", deployment.reason),
        ("evaluation", deployment.evaluation or "not recorded"),
        ("its figures", ", ".join(_figures(deployment.figures)) or "not recorded"),
        ("its interval", _interval(deployment)),
        ("trained model", deployment.trained_model),
    ]
    if version is None:
        return [*rows, ("problem", problem)]
    return [
        *rows,
        ("snapshot", version.snapshot),
        ("declaration", version.declaration),
        ("git commit", commit_text(version)),
        ("since then", champions_text(version)),
    ]
