"""All assets of a project: one builder for each kind of node."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module

import dagster as dg

from ml_platform.core.errors import PlatformError
from ml_platform.core.variants import find_variants
from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.nodes import CachedOperation, operation
from ml_platform.project import Project
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.operation_node import build_operation_node


@cache
def builders() -> Mapping[str, type[NodeBuilder]]:
    """Return every builder by the kind of its nodes."""
    return find_variants(import_module("ml_platform_dagster.assets"), NodeBuilder, "ml_platform.assets")


def build_assets(project: Project, nodes: Sequence[Node]) -> list[dg.AssetsDefinition]:
    """Return the asset of every node."""
    return [_asset(project, node) for node in nodes]


def _asset(project: Project, node: Node) -> dg.AssetsDefinition:
    if node.kind in builders():
        return builders()[node.kind].build(project, node)
    kind = operation(node.kind)
    if not issubclass(kind, CachedOperation):
        raise PlatformError(
            f"{node.name}: {kind.__name__} is not a CachedOperation, and no package has a builder for its kind. "
            "Extend CachedOperation, or add an entry point of the group ml_platform.assets."
        )
    return build_operation_node(project, node, kind)
