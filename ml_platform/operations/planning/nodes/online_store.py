"""What a run would do about the online store."""

from __future__ import annotations

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned


class OnlineStoreOperation(NodeOperation):
    """What a run would do about the online store."""

    name = "online_store"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about the online store: publish a tick that can be read now, or changed inputs."""
        from ml_platform.operations.online.content import contents_of
        from ml_platform.operations.online.due import changed_since, published_description

        blocked = view.blocked_before(node)
        if blocked is not None:
            return blocked
        try:
            described = published_description(view.project)
        except OnlineStoreUnavailable as error:
            return view.blocked(node, str(error))
        ids = view.input_ids(node)
        if ids is None:
            reasons = view.changes(node) + view.unsettled(node.inputs)
            return view.may_run(node, reasons) if described.generation else view.would_run(node, ["never published"])
        reasons = list(changed_since(view.project, contents_of(view.project.spec), ids, described, view.now))
        if reasons:
            return view.would_run(node, view.changes(node) or reasons)
        return view.up_to_date(node, described.key)
