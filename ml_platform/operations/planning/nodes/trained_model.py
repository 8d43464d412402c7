"""What a run would do about a trained model."""

from __future__ import annotations

from collections.abc import Sequence

from ml_platform.datasets.leakage.check import known_leaks
from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.environment import environment
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import fit_inputs_of, training_key
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes.operation import NodeOperation, made_before
from ml_platform.operations.planning.plan import Planned
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import Mismatch
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact


class TrainedModelOperation(NodeOperation):
    """What a run would do about a trained model."""

    name = "trained_model"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about a trained model."""
        before = made_before(view, node)
        if isinstance(before, Planned):
            return before
        last, ids = before
        roles = {NodeName.parse(name).kind: id for name, id in ids.items()}
        snapshot, tuning = roles["snapshot"], roles.get("tuning")
        leaks = [result for result in known_leaks(view.project, node.subject, snapshot) or () if result.blocks]
        if leaks:
            return view.blocked(node, "; ".join(str(leak.summary["problem"]) for leak in leaks))
        inputs = fit_inputs_of(snapshot, tuning)
        result = view.project.store.find("trained_model", training_key(view.project, node.subject, inputs))
        if result is not None:
            return view.up_to_date(node, result.id)
        reasons = view.changes(node)
        if TrainedModelManifest.of(last).environment != environment(view.project.spec.models[node.subject]):
            reasons.append("the libraries or the machine changed")
        return view.would_run(node, reasons or [f"{node.inputs[0]} changed"])

    @classmethod
    def check(cls, project: Project, artifact: Artifact) -> Sequence[Mismatch]:
        """Read every predictor, which checks all of it."""
        for name in TrainedModelManifest.of(artifact).predictors:
            load_predictor(project, artifact, name)
        return ()
