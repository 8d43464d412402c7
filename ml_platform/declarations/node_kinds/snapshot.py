"""The training frame of each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_platform.declarations.deciding import frame_part, mentions
from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of


class SnapshotNode(ModelNode):
    """The training frame of each model."""

    name = "snapshot"
    version = 2
    stage = "make"
    purpose = "Training rows, as known at prediction time"
    section = "population"
    parts = ("population", "label", "split")
    consequence = "{} must be trained again"

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the sources of population and label, and the feature tables."""
        model = spec.models[subject]
        yield from (NodeName("source", name) for name in model.population.sources)
        yield NodeName("source", model.label.source)
        yield from (NodeName("feature_table", name) for name in feature_tables_of(spec, model))

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the keys of the model, and what else decides its frame."""
        return {**super().deciding(spec, subject), **frame_part(spec, spec.models[subject])}

    @classmethod
    def names_column(cls, part: Mapping[str, Any], node: NodeName, column: str) -> bool:
        """Return whether population, label, joins or features name a column of a source or feature table."""
        places = [part[name] for name in ("population", "label", "population_key", "joins", "features")]
        if node.kind == "source":
            return mentions(places, column)
        aliases = [alias for alias, (table, _) in part["joins"].items() if table == node.subject]
        return any(mentions([places, part.get("label_columns")], f"{alias}.{column}") for alias in aliases)
