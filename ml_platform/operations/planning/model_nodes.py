"""What a run would do about the stages of a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from ml_platform.core.hashing import format_instant
from ml_platform.datasets.leakage.check import known_leaks
from ml_platform.datasets.snapshot.build import last_as_of, snapshot_key
from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.scheduling import training_as_of
from ml_platform.models.environment import environment
from ml_platform.models.train import training_key
from ml_platform.operations.monitoring.monitor import monitoring_key
from ml_platform.operations.planning.context import NEVER, View
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.predictions.due import days_of_run
from ml_platform.operations.predictions.score import days_id, scored_days
from ml_platform.operations.versions.not_deployed import kept_text
from ml_platform.registry.approvals import APPROVE, asks_for_approval, decision_on
from ml_platform.registry.champion import champion, champion_ref, rivals_of
from ml_platform.registry.evaluation.key import evaluation_key
from ml_platform.sources.source_log import known_by
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import partition_instants
from ml_platform.storage.prediction_log import day_bounds
from ml_platform.storage.refs import read_ref
from ml_platform.storage.versions import version_of

_DAY = timedelta(days=1)


# Snapshot -------------------------------------------------------------------


def plan_snapshot(view: View, node: Node) -> Planned:
    """Return what a run would do about a snapshot.

    Rows that a source brings now are known after its last ingest, or from now on. So they cannot change a snapshot as
    of an earlier instant, and its key is known whatever the sources will bring.
    """
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    last = view.made(node)
    if last is None:
        return view.would_run(node, [view.absence(node)])
    project, model = view.project, view.project.spec.models[node.subject]
    as_of = training_as_of(model.retraining, view.now, last_as_of(project, model.name), anew=False)
    logs: dict[str, Artifact] = {name: log for name in node.inputs if (log := _log_behind(view, name)) is not None}
    open_inputs = [name for name in node.inputs if name not in logs or not _is_settled(view, name, as_of)]
    reasons = _why_snapshot(view, node, last, logs, as_of)
    if len(logs) < len(node.inputs):
        return view.may_run(node, reasons + view.unsettled(open_inputs))
    found = project.store.find("snapshot", snapshot_key(project, model.name, logs, as_of))
    if found is not None and open_inputs:
        return view.may_run(node, view.unsettled(open_inputs))
    if found is not None:
        return view.up_to_date(node, found.id)
    return view.would_run(node, reasons or ["what it is made from changed"])


def _source_of(view: View, name: NodeName) -> str:
    """Return the source that a node is, or that its feature table is made of."""
    return name.subject if name.kind == "source" else view.project.spec.feature_tables[name.subject].source


def _log_behind(view: View, name: NodeName) -> Artifact | None:
    return view.log(_source_of(view, name))


def _is_settled(view: View, name: NodeName, as_of: datetime) -> bool:
    source = _source_of(view, name)
    if view.planned[NodeName("source", source)].id is not None:
        return True
    last = view.look(source).last
    return last is not None and as_of <= last.at and as_of < view.now


def _why_snapshot(view: View, node: Node, last: Artifact, logs: Mapping[str, Artifact], as_of: datetime) -> list[str]:
    reasons = view.changes(node)
    nodes = {other.name: other for other in view.nodes}
    tables = [name for name in node.inputs if name.kind == "feature_table" and view.changes(nodes[name])]
    reasons += [f"the declaration of {name} changed" for name in tables]
    if format_instant(as_of) != SnapshotManifest.of(last).as_of:
        return [*reasons, f"a scheduled retraining is due at {_minute(as_of)}"]
    for name in node.inputs:
        log, before = logs.get(name), _log_read(view, name, last.inputs.get(name, ""))
        if log is not None and before is not None and known_by(log, as_of) != known_by(before, as_of):
            reasons.append(f"rows of {name} that were known by {_minute(as_of)} changed")
    return reasons


def _log_read(view: View, name: NodeName, id: str) -> Artifact | None:
    """Return the log that an earlier snapshot was made of, by way of its feature table where it is one."""
    if name.kind == "source":
        return view.stored("source", id)
    table = view.stored("feature_table", id)
    return view.stored("source", table.inputs["source"]) if table is not None else None


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


# Training, evaluation, deployment -------------------------------------------


def plan_trained_model(view: View, node: Node) -> Planned:
    """Return what a run would do about a trained model."""
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    last, ids = view.made(node), view.input_ids(node)
    if last is None:
        return view.would_run(node, [view.absence(node)])
    if ids is None:
        return view.may_run(node, view.changes(node) + view.unsettled(node.inputs))
    (snapshot,) = ids.values()
    leaks = [found for found in known_leaks(view.project, node.subject, snapshot) or () if found.blocks]
    if leaks:
        return view.blocked(node, "; ".join(str(leak.summary["problem"]) for leak in leaks))
    found = view.project.store.find("trained_model", training_key(view.project, node.subject, snapshot))
    if found is not None:
        return view.up_to_date(node, found.id)
    reasons = view.changes(node)
    if TrainedModelManifest.of(last).environment != environment(view.project.spec.models[node.subject]):
        reasons.append("the libraries or the machine changed")
    return view.would_run(node, reasons or [f"{node.inputs[0]} changed"])


def plan_evaluation(view: View, node: Node) -> Planned:
    """Return what a run would do about an evaluation."""
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    ids = view.input_ids(node)
    if view.made(node) is None:
        return view.would_run(node, [view.absence(node)])
    if ids is None:
        return view.may_run(node, view.changes(node) + view.unsettled(node.inputs))
    trained, snapshot = (ids[NodeName(kind, node.subject)] for kind in ("trained_model", "snapshot"))
    rivals = rivals_of(view.project, node.subject, trained, snapshot)
    key = evaluation_key(view.project, node.subject, trained, snapshot, rivals.champion, rivals.anchor)
    found = view.project.store.find("evaluation", key)
    if found is not None:
        return view.up_to_date(node, found.id)
    return view.would_run(node, view.changes(node) or ["the trained model, its snapshot or the champion changed"])


def plan_deployment(view: View, node: Node) -> Planned:
    """Return what a run would do about a deployment. A version that is not deployed leaves the champion."""
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    ids, in_charge = view.input_ids(node), read_ref(view.project.database, champion_ref(node.subject))
    if ids is None:
        if in_charge is None:
            return view.would_run(node, [NEVER])
        return view.may_run(node, view.unsettled(node.inputs))
    trained, evaluation = (ids[NodeName(kind, node.subject)] for kind in ("trained_model", "evaluation"))
    version = version_of(view.project, node.subject, trained) or "the trained model"
    if in_charge == trained:
        return view.up_to_date(node, trained)
    judged = view.project.store.get("evaluation", evaluation)
    if EvaluationManifest.of(judged).verdict in ("keep", "deploy none"):
        why = kept_text(view.project, judged)
        return view.blocked(node, why) if in_charge is None else view.up_to_date(node, in_charge, why)
    if asks_for_approval(view.project, node.subject):
        said = decision_on(view.project, node.subject, trained)
        if said is None or said.action != APPROVE:
            why = "waits for approval" if said is None else f"was rejected by {said.actor}: {said.reason}"
            return view.blocked(node, f"{version} {why}", in_charge)
    return view.would_run(node, [f"{version} is not in charge yet"])


# Predictions and monitoring -------------------------------------------------


def plan_predictions(view: View, node: Node) -> Planned:
    """Return what a run would do about predictions, day by day."""
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    project = view.project
    days = days_of_run(project, list(project.spec.models), view.now)
    scored = {day: at for day, at in partition_instants(project.database, node.name).items() if day}
    missing = [day for day in days if day.isoformat() not in scored]
    partly = [day for day in days if day.isoformat() in scored and scored[day.isoformat()] < _end(day, view.now)]
    reasons = [_days_told(missing, "not scored")] if missing else []
    reasons += [_days_told(partly, "scored only in part")] if partly else []
    if not scored:
        return view.would_run(node, [NEVER])
    if reasons:
        return view.would_run(node, reasons)
    ids = view.input_ids(node)
    if ids is None:
        return view.may_run(node, view.unsettled(node.inputs))
    done = scored_days(project, node.subject, ids, days, view.now)
    left = [day for day in days if day not in done]
    if left:
        again = "scored from other sources, feature tables or version"
        return view.would_run(node, [*view.changes(node), _days_told(left, again)])
    return view.up_to_date(node, days_id([done[day].id for day in days]))


def _end(day: date, now: datetime) -> datetime:
    return min(now, day_bounds(day)[1])


def _days_told(days: list[date], what: str) -> str:
    if len(days) == 1:
        return f"the day {days[0]} is {what}"
    if days[-1] - days[0] == (len(days) - 1) * _DAY:
        return f"the days {days[0]} to {days[-1]} are {what}"
    return f"{len(days)} days from {days[0]} to {days[-1]} are {what}"


def plan_monitoring(view: View, node: Node) -> Planned:
    """Return what a run would do about monitoring."""
    blocked = view.blocked_before(node)
    if blocked is not None:
        return blocked
    last = view.made(node)
    if last is None:
        return view.would_run(node, [view.absence(node)])
    watched = MonitoringManifest.of(last).at
    if watched != format_instant(view.now):
        at = datetime.fromisoformat(watched)
        return view.would_run(node, [*view.changes(node), f"it was watched last at {_minute(at)}"])
    ids = view.input_ids(node)
    if ids is None:
        return view.may_run(node, view.changes(node) + view.unsettled(node.inputs))
    key = monitoring_key(view.project, node.subject, ids, view.now)
    found = view.project.store.find("monitoring", key)
    if found is not None:
        return view.up_to_date(node, found.id)
    in_charge = champion(view.project, node.subject, at=view.now)
    changed = [f"predictions, the label's source or the version in charge ({in_charge or 'none'}) changed"]
    return view.would_run(node, view.changes(node) or changed)
