"""What a run would do about monitoring."""

from __future__ import annotations

from datetime import UTC, datetime

from ml_platform.core.hashing import format_instant
from ml_platform.declarations.graph import Node
from ml_platform.operations.monitoring.monitor import monitoring_key
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.registry.champion import champion
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest


class MonitoringOperation(NodeOperation):
    """What a run would do about monitoring."""

    name = "monitoring"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
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
            return view.would_run(node, [*view.changes(node), f"it was last monitored at {_minute(at)}"])
        ids = view.input_ids(node)
        if ids is None:
            return view.may_run(node, view.changes(node) + view.unsettled(node.inputs))
        key = monitoring_key(view.project, node.subject, ids, view.now)
        report = view.project.store.find("monitoring", key)
        if report is not None:
            return view.up_to_date(node, report.id)
        current = champion(view.project, node.subject, at=view.now)
        changed = [f"predictions, the label's source or the champion ({current or 'none'}) changed"]
        return view.would_run(node, view.changes(node) or changed)


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"
