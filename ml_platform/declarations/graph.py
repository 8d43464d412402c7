"""A project's declarations as plain nodes: what there is to make, from what, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any, Literal

from ml_platform.core.errors import DeclarationCycle
from ml_platform.core.hashing import content_id
from ml_platform.declarations.fingerprint import deciding_part, project_functions
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Location, ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.declarations.user_code.version import code_version

Kind = Literal[
    "source", "feature_table", "snapshot", "trained_model", "evaluation", "deployment", "predictions", "monitoring"
]


@dataclass(frozen=True)
class Node:
    """One thing that the factory makes.

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
    kind: Kind
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
    nodes = [_source(spec, name) for name in spec.sources]
    nodes += [_feature_table(spec, name) for name in spec.feature_tables]
    nodes += [node for model in spec.models.values() for node in _model(spec, model)]
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
    found: list[Node] = []
    for node in in_order(nodes):
        if reached.intersection(node.inputs):
            reached.add(node.name)
            found.append(node)
    return tuple(found)


def _source(spec: ProjectSpec, name: str) -> Node:
    model = spec.sources[name].reader.model
    return Node(
        name=NodeName("source", name),
        kind="source",
        inputs=(NodeName("predictions", model),) if model else (),
        subject=name,
        owner=spec.sources[name].owner,
        description=spec.sources[name].description,
        location=spec.locations.get(NodeName("source", name), Location(f"sources/{name}.yaml")),
        code_version=_version(spec, "source", name),
        group="sources",
    )


def _feature_table(spec: ProjectSpec, name: str) -> Node:
    table = spec.feature_tables[name]
    return Node(
        name=NodeName("feature_table", name),
        kind="feature_table",
        inputs=(NodeName("source", table.source),),
        subject=name,
        owner=table.owner,
        description=table.description,
        location=spec.locations.get(NodeName("feature_table", name), Location(f"features/{name}.yaml")),
        code_version=_version(spec, "feature_table", name),
        group="features",
    )


_STAGES: tuple[tuple[Kind, str, str], ...] = (
    ("snapshot", "population", "The training frame: population, features as known then, label, split"),
    ("trained_model", "algorithm", "The predictor fitted on the snapshot, and its baselines"),
    ("evaluation", "value", "Champion, challenger, baselines and doing nothing on the same test rows"),
    ("deployment", "deployment", "The version in charge, and how it came to be"),
    ("predictions", "deployment", "Predictions for the rows that production asks for, day by day"),
    ("monitoring", "monitoring", "Drift of features and scores, and realized value"),
)


def _model(spec: ProjectSpec, model: ModelSpec) -> Iterator[Node]:
    inputs = _model_inputs(spec, model)
    whole = Location(f"models/{model.name}.yaml")
    for kind, section, purpose in _STAGES:
        yield Node(
            name=NodeName(kind, model.name),
            kind=kind,
            inputs=inputs[kind],
            subject=model.name,
            owner=model.owner,
            description=f"{purpose}. {model.description}",
            location=spec.locations.get(f"models/{model.name}.{section}", whole),
            code_version=_version(spec, kind, model.name),
            group=model.name,
        )


def _model_inputs(spec: ProjectSpec, model: ModelSpec) -> dict[Kind, tuple[NodeName, ...]]:
    population, label = NodeName("source", model.population.source), NodeName("source", model.label.source)
    tables = tuple(NodeName("feature_table", name) for name in feature_tables_of(spec, model))
    own = {kind: NodeName(kind, model.name) for kind, _, _ in _STAGES}
    return {
        "snapshot": tuple(dict.fromkeys((population, label, *tables))),
        "trained_model": (own["snapshot"],),
        "evaluation": (own["trained_model"], own["snapshot"]),
        "deployment": (own["evaluation"], own["trained_model"]),
        "predictions": (own["deployment"], population, *tables),
        "monitoring": (own["predictions"], own["snapshot"], label),
    }


def deciding_of(spec: ProjectSpec, kind: Kind, subject: str) -> dict[str, Any]:
    """Return what decides a node: ``declaration``, the deciding part of it, and ``code``, the code that makes it."""
    code = code_version(kind, spec.root, project_functions(spec, kind, subject))
    return {"declaration": deciding_part(spec, kind, subject), "code": code}


def _version(spec: ProjectSpec, kind: Kind, subject: str) -> str:
    return content_id(deciding_of(spec, kind, subject))[:16]
