"""The kinds of nodes: a file for each, with what follows from declarations. A new one is a new file here.

An installed package adds one by an entry point of the group ``ml_platform.node_kinds``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.variants import find_variants
from ml_platform.declarations.node_kinds.kind import ModelNode, NodeKind, Stage

__all__ = ["ModelNode", "NodeKind", "Stage", "ablation", "backtest", "made_by", "node_kind", "node_kinds"]


@cache
def node_kinds() -> Mapping[str, type[NodeKind]]:
    """Return every kind of node by its name, in the order in which a project's nodes are listed.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> list(node_kinds())[:2]
    ['source', 'feature_table']
    """
    kinds = find_variants(sys.modules[__name__], NodeKind, "ml_platform.node_kinds")
    return dict(sorted(kinds.items(), key=lambda item: (item[1].stage != "data", -item[1].subjects_first)))


def node_kind(name: str) -> type[NodeKind]:
    """Return a kind of node.

    Raises
    ------
    PlatformError
        Where there is none of this name.
    """
    kinds = node_kinds()
    if name not in kinds:
        raise PlatformError(f"{name} is not a kind of node. {suggest(name, kinds)}")
    return kinds[name]


def made_by(kind: str) -> str:
    """Return the kind of the artifact that a node of a kind ends with; of any other kind, that kind itself.

    >>> made_by("deployment"), made_by("snapshot"), made_by("quarantine")
    ('trained_model', 'snapshot', 'quarantine')
    """
    node_kind = node_kinds().get(kind)
    return kind if node_kind is None else node_kind.artifact or node_kind.name
