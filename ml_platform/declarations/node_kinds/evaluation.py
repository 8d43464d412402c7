"""The comparison of each challenger with its rivals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.gates import MEASURED, has_monotone
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class EvaluationNode(ModelNode):
    """The comparison of each challenger with its rivals."""

    name = "evaluation"
    version = 5
    stage = "make"
    purpose = "A new version beside its rivals on the test days"
    section = "value"
    parts = ("task", "quantile", "value", "gates", "release")

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the trained model and the snapshot."""
        return (NodeName("trained_model", subject), NodeName("snapshot", subject))

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the keys of the model, its label horizon, the quantile of its loss, slices and protected columns."""
        model = spec.models[subject]
        horizon = {"horizon": deciding(model.label.horizon), "loss_quantile": loss_quantile(model)}
        slices = {"slices": dict(model.slices)} if model.slices else {}
        protected = {"protected": dict(model.protected)} if model.protected else {}
        directions = {"monotone": True} if has_monotone(model) else {}
        part = {**super().deciding(spec, subject), **horizon, **slices, **protected, **directions}
        part["gates"] = {name: gate for name, gate in part["gates"].items() if name not in MEASURED}
        part["value"] = {name: value for name, value in part["value"].items() if name not in ("control", "taken")}
        return part
