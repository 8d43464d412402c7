"""The rollout of each model that declares one."""

from __future__ import annotations

from collections.abc import Iterable

from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class RolloutNode(ModelNode):
    """The rollout of each model that declares one."""

    name = "rollout"
    version = 1
    stage = "refresh"
    purpose = "The version in rollout, its stage and its limits"
    section = "deployment"
    listed_elsewhere = True

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the models that declare a rollout."""
        return [name for name, model in spec.models.items() if (online := model.deployment.online) and online.rollout]

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the deployment, and the source of the label."""
        return (NodeName("deployment", subject), NodeName("source", spec.models[subject].label.source))
