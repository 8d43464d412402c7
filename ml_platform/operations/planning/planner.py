"""Making the plan of a project: node by node, in the order in which a run takes them."""

from __future__ import annotations

from datetime import datetime

from ml_platform.declarations.graph import build_graph
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes import operation
from ml_platform.operations.planning.plan import Plan
from ml_platform.project import Project


def plan_project(project: Project, now: datetime) -> Plan:
    """Return what a run of the whole project at `now` would make, why, and about how long it would take.

    Every node is asked for by the same key under which its own step looks for what it needs not make. No source is
    read, and nothing is computed or written.
    """
    view = View(project, now, build_graph(project.spec))
    for node in view.nodes:
        view.planned[node.name] = operation(node.kind).plan(view, node)
    return Plan(project.spec.name, now, tuple(view.planned.values()))
