"""A project's declarations as plain nodes: what there is to make, from what, in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from ml_platform.core.errors import DeclarationCycle
from ml_platform.declarations.fingerprint import node_version
from ml_platform.declarations.node_kinds import NodeKind, node_kinds
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Location, ProjectSpec


@dataclass(frozen=True)
class Node:
    """One thing that the platform makes.

    Attributes
    ----------
    name
        Unique, such as ``sources/orders`` or ``late_parcel/snapshot``.
    inputs
        Names of the nodes that it is made from.
    subject
        The name of its declaration.
    location
        The line that declares it.
    code_version
        Hash of the deciding part of its declaration and of the code that makes it.
    group
        ``sources``, ``features``, or the model's name.
    """

    name: NodeName
    kind: str
    inputs: tuple[NodeName, ...]
    subject: str
    owner: str
    description: str
    location: Location
    code_version: str
    group: str


def build_graph(spec: ProjectSpec) -> tuple[Node, ...]:
    """Return the nodes of a project, each after its inputs.

    Raises
    ------
    DeclarationCycle
        With the cycle's path.
    """
    kinds = node_kinds().values()
    nodes = [_node(spec, kind, subject) for kind in kinds if kind.stage == "data" for subject in kind.subjects(spec)]
    staged = [(kind, [*kind.subjects(spec)]) for kind in kinds if kind.stage != "data"]
    nodes += [_node(spec, kind, name) for name in spec.models for kind, names in staged if name in names]
    return in_order(nodes)


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return nodes so that each follows its inputs, and otherwise in the given order.

    Raises
    ------
    DeclarationCycle
        With the cycle's path.
    """
    listed = tuple(nodes)
    rank = {node.name: place for place, node in enumerate(listed)}
    sorter = TopologicalSorter({node.name: node.inputs for node in listed})
    try:
        sorter.prepare()
    except CycleError as error:
        raise DeclarationCycle(error.args[1]) from None
    ready: list[int] = []
    ordered: list[Node] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, rank[name])
        node = listed[heappop(ready)]
        ordered.append(node)
        sorter.done(node.name)
    return tuple(ordered)


def downstream(nodes: Iterable[Node], name: str) -> tuple[Node, ...]:
    """Return the nodes that are made from `name`, directly or by way of others, in order."""
    reached = {name}
    after: list[Node] = []
    for node in in_order(nodes):
        if reached.intersection(node.inputs):
            reached.add(node.name)
            after.append(node)
    return tuple(after)


def _node(spec: ProjectSpec, kind: type[NodeKind], subject: str) -> Node:
    owner, description = kind.about(spec, subject)
    return Node(
        name=NodeName(kind.name, subject),
        kind=kind.name,
        inputs=tuple(dict.fromkeys(kind.inputs(spec, subject))),
        subject=subject,
        owner=owner,
        description=description,
        location=kind.location(spec, subject),
        code_version=node_version(spec, kind.name, subject),
        group=kind.group(subject),
    )
