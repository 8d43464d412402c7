"""Selections by short expressions agree with a walk over every path of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ml_platform.declarations.graph import Node, build_graph
from ml_platform.declarations.selection import NothingSelected, select_nodes
from tests.shop_project import open_shop


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Node]:
    directory: Path = tmp_path_factory.mktemp("shop")
    return build_graph(open_shop(directory).spec)


def needs(nodes: Sequence[Node], name: str, wanted: str) -> bool:
    """Return whether there is a path from `wanted` to `name`, by recursion over inputs."""
    inputs = {str(node.name): node.inputs for node in nodes}
    return any(item == wanted or needs(nodes, item, wanted) for item in inputs[name])


@pytest.mark.parametrize("name", ["sources/orders", "features/courier_recent", "late_parcel/trained_model"])
def test_plus_adds_what_is_needed_and_what_needs_it(nodes: Sequence[Node], name: str) -> None:
    names = [str(node.name) for node in nodes]
    above = [other for other in names if other == name or needs(nodes, name, other)]
    below = [other for other in names if other == name or needs(nodes, other, name)]
    assert list(select_nodes(nodes, [name])) == [name]
    assert list(select_nodes(nodes, [f"+{name}"])) == above
    assert list(select_nodes(nodes, [f"{name}+"])) == below
    assert list(select_nodes(nodes, [f"+{name}+"])) == [other for other in names if other in {*above, *below}]


def test_a_group_is_all_of_its_nodes(nodes: Sequence[Node]) -> None:
    of_model = [node.name for node in nodes if str(node.name).startswith("late_parcel/")]
    assert list(select_nodes(nodes, ["late_parcel"])) == of_model
    sources = [node.name for node in nodes if str(node.name).startswith("sources/")]
    assert list(select_nodes(nodes, ["sources", "late_parcel/snapshot"])) == [*sources, "late_parcel/snapshot"]


@pytest.mark.parametrize("expression", ["late_parcl", "+late_parcl/snapshot", "", "+"])
def test_what_names_nothing_is_refused(nodes: Sequence[Node], expression: str) -> None:
    with pytest.raises(NothingSelected, match="there is no node or model"):
        select_nodes(nodes, [expression])
    with pytest.raises(NothingSelected, match="Did you mean late_parcel"):
        select_nodes(nodes, ["late_parcl"])
