"""What a run would do about an evaluation."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation, planned_by_key
from ml_platform.operations.planning.plan import Planned
from ml_platform.registry.champion import rivals_of
from ml_platform.registry.evaluation.key import evaluation_key


class EvaluationOperation(NodeOperation):
    """What a run would do about an evaluation."""

    name = "evaluation"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about an evaluation."""

        def key_of(ids: Mapping[str, str]) -> str:
            trained, snapshot = (ids[NodeName(kind, node.subject)] for kind in ("trained_model", "snapshot"))
            rivals = rivals_of(view.project, node.subject, trained, snapshot)
            return evaluation_key(view.project, node.subject, trained, snapshot, rivals.champion, rivals.anchor)

        return planned_by_key(view, node, key_of, "the trained model, its snapshot or the champion changed")
