"""What a run would do about parity."""

from __future__ import annotations

from ml_platform.core.formatting import counted
from ml_platform.declarations.graph import Node
from ml_platform.operations.parity.check import agreed, parity_key
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation, made_before
from ml_platform.operations.planning.plan import Planned
from ml_platform.storage.artifact_kinds.parity import ParityManifest


class ParityOperation(NodeOperation):
    """What a run would do about parity. An outcome with differences is measured again."""

    name = "parity"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about parity."""
        from ml_platform.operations.predictions.compact_online import waiting_files

        before = made_before(view, node)
        if isinstance(before, Planned):
            return before
        last, ids = before
        if waiting_files(view.project):
            return view.may_run(node, ["predictions of the service are not in the prediction log yet"])
        parity = agreed(view.project, parity_key(view.project, node.subject, ids, view.now))
        if parity is not None:
            return view.up_to_date(node, parity.id)
        differing = ParityManifest.of(last).differing
        reasons = [f"{counted(differing, 'row')} differed"] if differing else []
        return view.would_run(node, view.changes(node) + (reasons or ["requests, the version or the store changed"]))
