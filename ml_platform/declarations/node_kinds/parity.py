"""What online models served, recomputed bit by bit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_kinds.online_store import SUBJECT
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class ParityNode(ModelNode):
    """A node for each model that answers requests, before its deployment."""

    name = "parity"
    version = 1
    stage = "make"
    purpose = "Served rows, recomputed and compared bit by bit"
    section = "deployment"

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the models that answer requests."""
        return [name for name, model in spec.models.items() if model.deployment.online is not None]

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the trained model and the online store."""
        return (NodeName("trained_model", subject), NodeName("online_store", SUBJECT))

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return how many requests are compared."""
        online = spec.models[subject].deployment.online
        return {"parity_rows": None if online is None else online.parity_rows}
