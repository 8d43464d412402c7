"""Choosing nodes by short expressions, spelled as dbt and Dagster do: ``+late_parcel``, ``features/recent+``."""

from __future__ import annotations

from collections.abc import Sequence

from ml_platform.core.errors import PlatformError, suggest
from ml_platform.declarations.graph import Node, downstream
from ml_platform.declarations.node_name import NodeName


class NothingSelected(PlatformError):
    """An expression names no node of the project."""


def select_nodes(nodes: Sequence[Node], expressions: Sequence[str]) -> tuple[NodeName, ...]:
    """Return the names of the nodes that any of the expressions names, in order.

    Parameters
    ----------
    expressions
        A node such as ``late_parcel/snapshot`` or ``features/recent``, or a group: a model, ``sources`` or
        ``features``. A ``+`` before it adds all that it is made from, one after it all that is made from it.

    Raises
    ------
    NothingSelected
        Naming the nearest node or group.
    """
    chosen = {name for expression in expressions for name in _selected(nodes, expression)}
    return tuple(node.name for node in nodes if node.name in chosen)


def _selected(nodes: Sequence[Node], expression: str) -> set[NodeName]:
    text = expression.strip()
    named = text.removeprefix("+").removesuffix("+")
    matched = {node.name for node in nodes if named in (node.name, node.group)}
    if not matched:
        known = dict.fromkeys([*(node.group for node in nodes), *(str(node.name) for node in nodes)])
        raise NothingSelected(f"--select {expression}: there is no node or model {named!r}. {suggest(named, known)}")
    above = _upstream(nodes, matched) if text.startswith("+") else set()
    below = {node.name for name in matched for node in downstream(nodes, name)} if text.endswith("+") else set()
    return matched | above | below


def _upstream(nodes: Sequence[Node], names: set[NodeName]) -> set[NodeName]:
    """Return all that some nodes are made from; `nodes` are in order."""
    needed = set(names)
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return needed - names
