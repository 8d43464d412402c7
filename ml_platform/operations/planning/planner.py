"""Making the plan of a project: node by node, in the order in which a run takes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ml_platform.declarations.graph import build_graph
from ml_platform.operations.planning.context import View
from ml_platform.operations.planning.nodes import operation
from ml_platform.operations.planning.plan import Plan, Planned
from ml_platform.project import Project


def plan_project(project: Project, now: datetime) -> Plan:
    """Return what a run of the whole project at `now` would make, why, and about how long it would take.

    Every node is asked for by the same key under which its own step looks for what it needs not make. No source is
    read, and nothing is computed or written.
    """
    return Plan(project.spec.name, now, tuple(plan_nodes(project, now)))


def plan_nodes(project: Project, now: datetime) -> Iterator[Planned]:
    """Yield what a run at `now` would do about each node, after its inputs."""
    view = View(project, now, build_graph(project.spec))
    for node in view.nodes:
        view.planned[node.name] = planned = operation(node.kind).plan(view, node)
        yield planned
