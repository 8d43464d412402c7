"""Making the plan of a project: node by node, in the order in which a run takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from ml_platform.declarations.graph import Kind, Node, build_graph
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.data_nodes import plan_feature_table, plan_source
from ml_platform.operations.planning.model_nodes import (
    plan_deployment,
    plan_evaluation,
    plan_monitoring,
    plan_predictions,
    plan_snapshot,
    plan_trained_model,
)
from ml_platform.operations.planning.plan import Plan, Planned
from ml_platform.project import Project

_PLANNERS: Mapping[Kind, Callable[[View, Node], Planned]] = {
    "source": plan_source,
    "feature_table": plan_feature_table,
    "snapshot": plan_snapshot,
    "trained_model": plan_trained_model,
    "evaluation": plan_evaluation,
    "deployment": plan_deployment,
    "predictions": plan_predictions,
    "monitoring": plan_monitoring,
}


def plan_project(project: Project, now: datetime) -> Plan:
    """Return what a run of the whole project at `now` would make, why, and about how long it would take.

    Every node is asked for by the same key under which its own step looks for what it needs not make. No source is
    read, and nothing is computed or written.
    """
    view = View(project, now, build_graph(project.spec))
    for node in view.nodes:
        view.planned[node.name] = _PLANNERS[node.kind](view, node)
    return Plan(project.spec.name, now, tuple(view.planned.values()))
