"""What an experiment changes: which sources must be read again, and which models a run would make in another way."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.declarations.graph import Node, build_graph
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.planning.declaration_diff import declared_change
from ml_platform.sources.change_detection import is_read_as_declared
from ml_platform.storage.database import Database
from ml_platform.storage.last_declarations import last_declared

_LOCAL_READERS = ("csv", "parquet", "predictions", "sql")


def changed_models(spec: ProjectSpec, database: Database) -> list[str]:
    """Return the models that a run would make or judge in another way than production did.

    Parameters
    ----------
    database
        Of production, or a copy of it.
    """
    nodes = {node.name: node for node in build_graph(spec)}
    changed = {name for name, node in nodes.items() if _is_changed(spec, database, node)}
    return [name for name in spec.models if changed & {*needed_nodes(nodes.values(), [name]), _judged(name)}]


def _judged(model: str) -> NodeName:
    return NodeName("evaluation", model)


def needed_nodes(nodes: Iterable[Node], models: Collection[str]) -> list[NodeName]:
    """Return the nodes that training some models needs, with the trained models."""
    by_name = {node.name: node for node in nodes}
    reached: dict[NodeName, None] = {}
    waiting = [NodeName("trained_model", model) for model in models]
    while waiting:
        name = waiting.pop()
        if name not in reached and name.kind in ("trained_model", "snapshot", "feature_table", "source"):
            reached[name] = None
            waiting += by_name[name].inputs
    return list(reached)


def sources_to_read(spec: ProjectSpec, database: Database, models: Collection[str]) -> list[str]:
    """Return the sources that some models need and that production never read by this declaration, inputs first."""
    needed = {*needed_nodes(build_graph(spec), models)}
    to_read: list[str] = []
    for node in build_graph(spec):
        if node.kind == "source" and node.name in needed:
            after = any(name.kind == "source" and name.subject in to_read for name in node.inputs)
            if after or not is_read_as_declared(spec, database, node.subject):
                to_read.append(node.subject)
    return to_read


def needs_network(spec: ProjectSpec, sources: Collection[str]) -> bool:
    """Return whether one of some sources may be read from another machine."""
    readers = [spec.sources[name].reader for name in sources]
    return any(reader.name not in _LOCAL_READERS or "://" in str(reader.value) for reader in readers)


def _is_changed(spec: ProjectSpec, database: Database, node: Node) -> bool:
    before = last_declared(database, node.name)
    return bool(declared_change(before, deciding_of(spec, node.kind, node.subject), node.kind))
