"""What a run would do about a search for parameters."""

from __future__ import annotations

from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation, planned_by_key
from ml_platform.operations.planning.plan import Planned


class TuningOperation(NodeOperation):
    """What a run would do about a search for parameters."""

    name = "tuning"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a search."""
        from ml_platform.datasets.leakage.check import known_leaks
        from ml_platform.models.tuning.tune import tuning_key

        snapshot = view.planned[NodeName("snapshot", node.subject)].id
        leaks = (
            [leak for leak in known_leaks(view.project, node.subject, snapshot) or () if leak.blocks]
            if snapshot
            else []
        )
        if leaks:
            return view.blocked(node, "; ".join(str(leak.summary["problem"]) for leak in leaks))
        return planned_by_key(
            view,
            node,
            lambda ids: tuning_key(view.project, node.subject, ids[NodeName("snapshot", node.subject)]),
            "the snapshot, the libraries or the machine changed",
        )
