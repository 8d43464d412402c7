"""Making what a model is trained on, without a run: each node after its inputs, and what is stored already is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from ml_platform.core.errors import NotMaterialized
from ml_platform.datasets.snapshot.build import build_snapshot, last_as_of
from ml_platform.declarations.graph import Node, build_graph
from ml_platform.declarations.node_name import NodeName
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import fit_inputs_of, train_model
from ml_platform.models.tuning.tune import tune_model
from ml_platform.project import Project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.outputs import current_output

Report = Callable[[str, bool, float], None]
"""Takes the name of a node that was made, whether it was only read, and how many seconds that took."""


@dataclass
class Maker:
    """Makes nodes of a project at an instant.

    Parameters
    ----------
    ingest
        The sources that are read again. Of every other source the rows are those of its last ingest.
    """

    project: Project
    now: datetime
    ingest: Collection[str]
    report: Report
    _made: dict[NodeName, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._nodes: dict[NodeName, Node] = {node.name: node for node in build_graph(self.project.spec)}

    def snapshot(self, model: str) -> str:
        """Return the id of a model's snapshot, as of when production's last one was made; as of now where none was."""
        return self._make(NodeName("snapshot", model))

    def trained(self, model: str) -> tuple[str, bool]:
        """Return the id of a model trained on its snapshot, and whether it was trained now."""
        inputs, begun = self.trained_from(model), time.monotonic()
        made = train_model(self.project, model, inputs["snapshot"], tuning_id=inputs.get("tuning"))
        self.report(NodeName("trained_model", model), made.reused, time.monotonic() - begun)
        return made.artifact.id, not made.reused

    def trained_from(self, model: str) -> dict[str, str]:
        """Return the ids of a model's snapshot and, where it declares one, of its search for parameters."""
        tuning = NodeName("tuning", model)
        return fit_inputs_of(self.snapshot(model), self._make(tuning) if tuning in self._nodes else None)

    def _make(self, name: NodeName) -> str:
        if name not in self._made:
            node, database = self._nodes[name], self.project.database
            if name.kind == "source" and name.subject not in self.ingest:
                id = current_output(database, name)
                if id is None:
                    raise NotMaterialized(name, name)
                self._made[name] = id
            else:
                inputs = {} if name.kind == "source" else {above: self._make(above) for above in node.inputs}
                if name.kind == "source":
                    for above in node.inputs:
                        if above.kind == "source":
                            self._make(above)
                begun = time.monotonic()
                made = self._materialized(node, inputs)
                self.report(name, made.reused, time.monotonic() - begun)
                self._made[name] = made.artifact.id
        return self._made[name]

    def _materialized(self, node: Node, inputs: dict[NodeName, str]) -> Materialized:
        if node.kind == "source":
            return ingest_source(self.project, node.subject, self.now).made
        if node.kind == "feature_table":
            (source,) = inputs.values()
            return build_feature_table(self.project, node.subject, source)
        if node.kind == "tuning":
            (snapshot,) = inputs.values()
            return tune_model(self.project, node.subject, snapshot)
        as_of = last_as_of(self.project, node.subject) or self.now.replace(second=0, microsecond=0)
        return build_snapshot(self.project, node.subject, {str(name): id for name, id in inputs.items()}, as_of)
