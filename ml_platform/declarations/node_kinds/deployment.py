"""The champion of each model."""

from __future__ import annotations

from collections.abc import Iterable

from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class DeploymentNode(ModelNode):
    """The champion of each model."""

    name = "deployment"
    version = 2
    stage = "make"
    purpose = "The live version, and how it was released"
    section = "deployment"
    parts = ("gates", "release")
    artifact = "trained_model"

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the evaluation and the trained model; of a model that answers requests its parity too."""
        online = spec.models[subject].deployment.online is not None
        parity = (NodeName("parity", subject),) if online else ()
        return (NodeName("evaluation", subject), NodeName("trained_model", subject), *parity)
