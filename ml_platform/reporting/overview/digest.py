"""The digest: what each model is worth and what needs a person, in three lines a model, for the alert channels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.errors import listed
from ml_platform.core.formatting import capitalized
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project
from ml_platform.reporting.overview.attention import by_cause
from ml_platform.reporting.overview.model_overview import ModelOverview, project_overview

_MARKUP = re.compile(r"[\\`*\[]|<(?=[a-zA-Z/!?])|(?<!\w)_|_(?!\w)")
"""What begins emphasis, code, a link or HTML: a name such as late_parcel has none of them."""
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
    needs = _needs(waiting)
    lines = [f"**{name}, {now:%Y-%m-%d}: {outcome}.**", *(["", *needs] if needs else [])]
    for model in ordered:
        lines += ["", *_lines(model)]
    return Digest(f"{name}: {outcome}", "\n".join(lines))


def digest_alert(project: Project, now: datetime) -> Alert:
    """Return the digest as an alert: one for each day at most."""
    digest = project_digest(project, now)
    return Alert(
        key=f"digest.{project.spec.name}.{now:%Y-%m-%d}",
        title=digest.title,
        body=digest.text,
        severity="report",
        markdown=True,
    )


def _needs(models: Sequence[ModelOverview]) -> list[str]:
    """Return what needs a person, one line for each cause, however many models it stops."""
    urgent = ((model.name, item) for model in models for item in model.attention if item.urgent)
    return [
        f"- {listed(names)}: {_plain(item.what)}{f' ({_plain(item.then)})' if item.then else ''}"
        for item, names in by_cause(urgent).items()
    ]


def _plain(text: str) -> str:
    r"""Return a text that Markdown shows as it is, and a terminal too where it holds no markup.

    >>> _plain("orders failed: courier_id is '<b>*x*</b>', __init__ [a](http://b)")
    "orders failed: courier_id is '\\<b>\\*x\\*\\</b>', \\__init_\\_ \\[a](http://b)"
    """
    return _MARKUP.sub(r"\\\g<0>", text.replace("\n", " "))


def _lines(model: ModelOverview) -> Iterator[str]:
    sure = f" {model.worth.sureness_text}" if model.worth is not None else ""
    health = model.health if model.health == _ORDER[0] else f"is {model.health}"
    yield f"**{model.name}** {health}. {model.worth_text}{sure}"
    live, last = model.live, model.last_training
    version = "No version is live." if live is None else f"Version {live.number} is live since {live.since:%Y-%m-%d}."
    if last is not None and last is not live:
        version += f" {capitalized(last.short_text).rstrip('.')}."
    yield f"{version} It is trained next: {model.next_runs.training_text}."
    looks = [_plain(item.what) for item in model.attention if not item.urgent]
    drift = model.drift.text if model.drift is not None else "drift was not looked for yet"
    yield f"Data: {'; '.join(looks) if looks else drift}."
