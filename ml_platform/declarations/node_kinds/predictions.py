"""The predictions of each model, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.deciding import deciding, frame_part
from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of


class PredictionsNode(ModelNode):
    """The predictions of each model, day by day."""

    name = "predictions"
    version = 4
    stage = "refresh"
    purpose = "Predictions of the live version, day by day"
    section = "deployment"
    consequence = "predictions of {} are made for other rows, or of other columns"
    parts = ("population",)
    listed_elsewhere = True

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the deployment, the sources of the population, and the feature tables."""
        model = spec.models[subject]
        yield NodeName("deployment", subject)
        yield from (NodeName("source", name) for name in model.population.sources)
        yield from (NodeName("feature_table", name) for name in feature_tables_of(spec, model))

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the keys of the model, what else decides its frame, and what becomes of late rows."""
        model = spec.models[subject]
        late = {"late_rows": model.deployment.late_rows, "horizon": deciding(model.label.horizon)}
        return {**super().deciding(spec, subject), **frame_part(spec, model), **late}
