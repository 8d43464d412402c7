"""What a run would do about a rollout."""

from __future__ import annotations

from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.registry.champion import champion
from ml_platform.registry.rollout import rollout_of


class RolloutOperation(NodeOperation):
    """What a run would do about a rollout: judge the candidate, where there is one."""

    name = "rollout"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a rollout: judge the candidate, where there is one."""
        blocked = view.blocked_before(node)
        if blocked is not None:
            return blocked
        running = rollout_of(view.project, node.subject)
        if running is not None:
            return view.would_run(node, [running.words])
        current = champion(view.project, node.subject)
        if current is None or view.input_ids(node) is None:
            return view.may_run(node, view.unsettled(node.inputs))
        return view.up_to_date(node, current.id, "nothing is rolled out")
