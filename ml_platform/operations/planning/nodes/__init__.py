"""What each kind of node does when it is planned, run and verified: a file for each. A new one is a new file here.

An installed package adds one by an entry point of the group ``ml_platform.operations``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ml_platform.core.errors import PlatformError
from ml_platform.core.variants import find_variants
from ml_platform.operations.planning.nodes.operation import CachedOperation, NodeOperation

__all__ = ["CachedOperation", "NodeOperation", "ablation", "backtest", "operation", "operations", "study"]


@cache
def operations() -> Mapping[str, type[NodeOperation]]:
    """Return every operation by the kind of its nodes.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.
    """
    return find_variants(sys.modules[__name__], NodeOperation, "ml_platform.operations")


def operation(kind: str) -> type[NodeOperation]:
    """Return the operation of a kind of node.

    Raises
    ------
    PlatformError
        Where no installed package has one.
    """
    if kind not in operations():
        raise PlatformError(
            f"no installed package implements nodes of kind {kind}. Add an entry point of the group "
            "ml_platform.operations to the package that adds the kind."
        )
    return operations()[kind]
