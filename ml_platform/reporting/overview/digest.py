"""The digest: what each model is worth and what needs a person, in three lines a model, for the alert channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.formatting import capitalized
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project
from ml_platform.reporting.overview.model_overview import ModelOverview, project_overview

_ORDER = ("needs a person", "worth a look", "healthy")


@dataclass(frozen=True)
class Digest:
    """The state of a project, for people who do not open it.

    Attributes
    ----------
    title
        The outcome in a few words.
    text
        Markdown: what needs a person first, then three lines for each model.
    """

    title: str
    text: str


def project_digest(project: Project, now: datetime) -> Digest:
    """Return the digest of a project."""
    return digest_of(project.spec.name, project_overview(project, now), now)


def digest_of(name: str, models: Sequence[ModelOverview], now: datetime) -> Digest:
    """Return the digest of some models; those that need a person come first."""
    ordered = sorted(models, key=lambda model: _ORDER.index(model.health))
    waiting = [model for model in ordered if model.health == _ORDER[0]]
    count = len(waiting)
    outcome = "nothing needs a person"
    if waiting:
        outcome = f"{count} of {len(models)} models {'needs' if count == 1 else 'need'} a person"
    lines = [f"**{name}, {now:%Y-%m-%d}: {outcome}.**", *_needs(waiting)]
    for model in ordered:
        lines += ["", *_lines(model)]
    return Digest(f"{name}: {outcome}", "\n".join(lines))


def digest_alert(project: Project, now: datetime) -> Alert:
    """Return the digest as an alert: one for each day at most."""
    digest = project_digest(project, now)
    return Alert(
        key=f"digest.{project.spec.name}.{now:%Y-%m-%d}", title=digest.title, body=digest.text, severity="report"
    )


def _needs(models: Sequence[ModelOverview]) -> Iterator[str]:
    for model in models:
        for item in model.attention:
            if item.urgent:
                yield f"- {model.name}: {item.what}{f' ({item.then})' if item.then else ''}"


def _lines(model: ModelOverview) -> Iterator[str]:
    sure = f" {model.worth.sureness_text}" if model.worth is not None else ""
    health = model.health if model.health == _ORDER[0] else f"is {model.health}"
    yield f"**{model.name}** {health}. {model.worth_text}{sure}"
    live, last = model.live, model.last_training
    version = "No version is live." if live is None else f"Version {live.number} is live since {live.since:%Y-%m-%d}."
    if last is not None and last is not live:
        version += f" {capitalized(last.short_text).rstrip('.')}."
    yield f"{version} It is trained next: {model.next_runs.training_text}."
    looks = [item.what for item in model.attention if not item.urgent]
    drift = model.drift.text if model.drift is not None else "drift was not looked for yet"
    yield f"Data: {'; '.join(looks) if looks else drift}."
