"""What a run would do about a deployment. A version that is not deployed leaves the champion."""

from __future__ import annotations

from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.context import NEVER, View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.versions.not_deployed import kept_text
from ml_platform.registry.approvals import APPROVE, asks_for_approval, decision_on
from ml_platform.registry.champion import champion_ref
from ml_platform.registry.rollout import kept_out, rollout_of
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.refs import read_ref
from ml_platform.storage.versions import Version, version_of


class DeploymentOperation(NodeOperation):
    """What a run would do about a deployment. A version that is not deployed leaves the champion."""

    name = "deployment"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a deployment. A version that is not deployed leaves the champion."""
        blocked = view.blocked_before(node)
        if blocked is not None:
            return blocked
        ids, current = view.input_ids(node), read_ref(view.project.database, champion_ref(node.subject))
        made = view.planned[NodeName("trained_model", node.subject)].id
        if made is not None and made == current:
            return view.up_to_date(node, made)
        if ids is None:
            if current is None:
                return view.would_run(node, [NEVER])
            return view.may_run(node, view.unsettled(node.inputs))
        trained, evaluation = (ids[NodeName(kind, node.subject)] for kind in ("trained_model", "evaluation"))
        version = version_of(view.project, node.subject, trained) or "the trained model"
        running = rollout_of(view.project, node.subject)
        if running is not None and running.version.id == trained:
            return view.up_to_date(node, current or trained, running.words)
        judged = view.project.store.get("evaluation", evaluation)
        if EvaluationManifest.of(judged).verdict in ("keep", "deploy none"):
            why = kept_text(view.project, judged)
            return view.blocked(node, why) if current is None else view.up_to_date(node, current, why)
        if asks_for_approval(view.project, node.subject):
            decision = decision_on(view.project, node.subject, trained)
            if decision is None or decision.action != APPROVE:
                why = "waits for approval"
                if decision is not None:
                    why = f"was rejected by {decision.actor}: {decision.reason}"
                return view.blocked(node, f"{version} {why}", current)
        against = kept_out(view.project, version) if isinstance(version, Version) else None
        if against is not None:
            return view.up_to_date(node, current or trained, f"{version} is not deployed: {against}")
        return view.would_run(node, [f"{version} is not the champion yet"])
