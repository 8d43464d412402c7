"""What of a model needs a person, and what is worth a look: the one list that decides whether it is healthy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ml_platform.core.formatting import instant_text, share_text
from ml_platform.operations.monitoring.drift_counts import DriftCounts
from ml_platform.operations.monitoring.unlearned import unlearned_text
from ml_platform.operations.online.freshness import OnlineStatus
from ml_platform.operations.predictions.missed import missed_next_step
from ml_platform.operations.versions.not_deployed import missed_gates
from ml_platform.project import Project
from ml_platform.reporting.overview.worth import Worth
from ml_platform.reporting.status import DataStatus, ModelStatus
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest

Health = Literal["healthy", "worth a look", "needs a person"]


@dataclass(frozen=True)
class Attention:
    """One thing.

    Attributes
    ----------
    urgent
        Whether a person must act. Otherwise it is worth a look.
    what
        What is so, in a sentence without a full stop.
    then
        What to do about it: a command, or a sentence.
    """

    urgent: bool
    what: str
    then: str = ""


def health_of(points: tuple[Attention, ...]) -> Health:
    """Return what a list of things comes to."""
    if any(item.urgent for item in points):
        return "needs a person"
    return "worth a look" if points else "healthy"


def by_cause(points: Iterable[tuple[str, Attention]]) -> dict[Attention, list[str]]:
    """Return the names of the models that each thing concerns: a broken source stops many models, and is one thing.

    >>> by_cause([("late_parcel", Attention(True, "x")), ("lateness", Attention(True, "x"))])
    {Attention(urgent=True, what='x', then=''): ['late_parcel', 'lateness']}
    """
    models: dict[Attention, list[str]] = {}
    for name, item in points:
        models.setdefault(item, []).append(name)
    return models


def find_attention(
    project: Project,
    status: ModelStatus,
    data: tuple[DataStatus, ...],
    evaluation: EvaluationManifest | None,
    worth: Worth | None,
    drift: DriftCounts | None,
    online: OnlineStatus | None = None,
) -> tuple[Attention, ...]:
    """Return what of a model needs a person or is worth a look; what needs a person first.

    Parameters
    ----------
    data
        The sources and feature tables that the model reads.
    evaluation
        The last one.
    worth
        What its predictions earned since deployment.
    online
        The state of the online store; None where the project has none.
    """
    points = [
        *_failures(status, data),
        *_versions(status, evaluation),
        *_data(project, data),
        *_online(project, status.name, online),
        *_money(status, worth),
        *_parity(status),
        *_predictions(project, status),
        *_drift(status, drift),
    ]
    return tuple(sorted(points, key=lambda item: not item.urgent))


def _versions(status: ModelStatus, evaluation: EvaluationManifest | None) -> Iterator[Attention]:
    if status.waiting is not None:
        name = f"{status.name}@{status.waiting}"
        yield Attention(True, f"version {status.waiting} waits for approval", f"ml-platform approve {name}")
    elif status.champion is None and status.versions:
        yield Attention(
            True, "no version is live: none met its gates and its release rule", f"ml-platform status {status.name}"
        )
    elif evaluation is not None and (missed := missed_gates(evaluation)):
        yield Attention(True, f"the newest version misses the gates {', '.join(missed)}", f"models/{status.name}.yaml")
    elif evaluation is not None and evaluation.verdict == "deploy none":
        yield Attention(
            True,
            "on the newest test rows neither the live nor the newest version earns more than doing nothing",
            "Decide whether to go on acting on its predictions.",
        )
    if status.reproduced is not None and not status.reproduced.same:
        yield Attention(True, f"training {status.reproduced.version} again gave another model", "ml-platform reproduce")


def _failures(status: ModelStatus, data: tuple[DataStatus, ...]) -> Iterator[Attention]:
    for failure in (*(item.failure for item in data if item.failure), *status.failures):
        what = f"{failure.node} failed at {instant_text(failure.at)}: {failure.problem.rstrip('.')}"
        yield Attention(True, what, "Remove the cause, then ml-platform run")


def _data(project: Project, data: tuple[DataStatus, ...]) -> Iterator[Attention]:
    for item in data:
        if item.failed_checks:
            kind = "feature table" if item.name in project.spec.feature_tables else "source"
            what = f"{kind} {item.name} failed {'; '.join(item.failed_texts)}, so nothing that reads it is computed"
            then = "Repair the data or the expectation, then ml-platform run; ml-platform alerts shows a row"
            yield Attention(True, what, then)
        for note in item.notes:
            yield Attention(False, f"{item.name}: {note}")


def _online(project: Project, model: str, online: OnlineStatus | None) -> Iterator[Attention]:
    if online is not None and online.is_late and project.spec.models[model].deployment.online is not None:
        what = f"online predictions read old values: {online.late_text}"
        then = "Look at the runs of publish_online_store in Dagster, then ml-platform run"
        yield Attention(online.alerted, what, then)


def _money(status: ModelStatus, worth: Worth | None) -> Iterator[Attention]:
    if worth is not None and worth.sureness == "loses":
        yield Attention(True, f"since deployment it {worth.text}", f"ml-platform rollback {status.name}")


def _parity(status: ModelStatus) -> Iterator[Attention]:
    if status.parity is not None and status.parity.differing:
        yield Attention(
            True, f"answers differ from what training reads: {status.parity.text}", f"ml-platform parity {status.name}"
        )


def _predictions(project: Project, status: ModelStatus) -> Iterator[Attention]:
    limit = project.spec.models[status.name].deployment.max_missed_share
    missed = status.missed
    if missed is not None and missed.share > limit:
        what = f"{share_text(missed.share)} of the rows got no prediction in time: {', '.join(missed.reasons)}"
        yield Attention(True, what, missed_next_step(status.name, missed))
    monitoring = status.monitoring
    if monitoring is not None and monitoring.unlearned_nulls:
        yield Attention(False, unlearned_text(monitoring.unlearned_nulls), "Look at the sources of these columns.")


def _drift(status: ModelStatus, drift: DriftCounts | None) -> Iterator[Attention]:
    if status.monitoring is not None and drift is not None and drift.drifted:
        names = ", ".join(status.monitoring.drifted[:3])
        more = f" and {drift.drifted - 3} more" if drift.drifted > 3 else ""
        yield Attention(False, f"{drift.text}: {names}{more}", f"ml-platform drift {status.name}")
