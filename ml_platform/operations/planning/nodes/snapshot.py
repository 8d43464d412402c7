"""What a run would do about a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ml_platform.core.hashing import format_instant
from ml_platform.datasets.snapshot.build import last_as_of, snapshot_key
from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.scheduling import training_as_of
from ml_platform.sources.source_log import known_by
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.manifest import Artifact


class SnapshotOperation(NodeOperation):
    """What a run would do about a snapshot."""

    name = "snapshot"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a snapshot.

        Rows that a source brings now are known after its last ingest, or from now on. So they cannot change a
        snapshot as of an earlier instant, and its key is known whatever the sources will bring.
        """
        blocked = view.blocked_before(node)
        if blocked is not None:
            return blocked
        last = view.made(node)
        if last is None:
            return view.would_run(node, [view.absence(node)])
        project, model = view.project, view.project.spec.models[node.subject]
        as_of = training_as_of(model.retraining, view.now, last_as_of(project, model.name), forced=False)
        logs: dict[str, Artifact] = {name: log for name in node.inputs if (log := _log_of(view, name)) is not None}
        open_inputs = [name for name in node.inputs if name not in logs or not _is_settled(view, name, as_of)]
        reasons = _why_snapshot(view, node, last, logs, as_of)
        if len(logs) < len(node.inputs):
            return view.may_run(node, reasons + view.unsettled(open_inputs))
        snapshot = project.store.find("snapshot", snapshot_key(project, model.name, logs, as_of))
        if snapshot is not None and open_inputs:
            return view.may_run(node, view.unsettled(open_inputs))
        if snapshot is not None:
            return view.up_to_date(node, snapshot.id)
        return view.would_run(node, reasons or ["its inputs changed"])


def _source_of(view: View, name: NodeName) -> str:
    """Return the source that a node is, or that its feature table is made of."""
    return name.subject if name.kind == "source" else view.project.spec.feature_tables[name.subject].source


def _log_of(view: View, name: NodeName) -> Artifact | None:
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
