"""The functions of expressions: a file for each, or for a few that share their rule. A new one is a new file here.

An installed package adds one by an entry point of the group ``ml_platform.functions``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ml_platform.core.expressions.functions.function import Function, NullFunction, PlainFunction
from ml_platform.core.variants import find_variants

__all__ = ["Function", "NullFunction", "PlainFunction", "functions"]


@cache
def functions() -> Mapping[str, PlainFunction | NullFunction]:
    """Return every function by its name in expressions.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> functions()["sqrt"].summary
    'The square root; null for a negative number.'
    """
    variants = find_variants(sys.modules[__name__], Function, "ml_platform.functions")
    return {name: function() for name, function in variants.items()}
