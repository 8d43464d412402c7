"""What each model does in production."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class MonitoringNode(ModelNode):
    """What each model does in production."""

    name = "monitoring"
    version = 10
    stage = "refresh"
    purpose = "Drift of features and scores, and realized value"
    section = "monitoring"
    parts = ("task", "label", "value", "monitoring")

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the predictions, the snapshot, and the sources of the label and of the actions that were taken."""
        model = spec.models[subject]
        sources = dict.fromkeys((model.label.source, *([model.value.taken] if model.value.taken else [])))
        nodes = (NodeName("source", name) for name in sources)
        return (NodeName("predictions", subject), NodeName("snapshot", subject), *nodes)

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the keys of the model, the quantile of its loss, and how fresh its label must be."""
        model = spec.models[subject]
        label = {"label_freshness": deciding(spec.sources[model.label.source].freshness)}
        return {**super().deciding(spec, subject), "loss_quantile": loss_quantile(model), **label}
