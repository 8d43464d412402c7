"""What a run would do about an evaluation."""

from __future__ import annotations

from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.registry.champion import rivals_of
from ml_platform.registry.evaluation.key import evaluation_key


class EvaluationOperation(NodeOperation):
    """What a run would do about an evaluation."""

    name = "evaluation"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
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
