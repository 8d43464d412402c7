"""The aggregates of features: a file for each, or for a few that share their rule. A new one is a new file here.

An installed package adds one by an entry point of the group ``ml_platform.aggregates``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ml_platform.core.variants import find_variants
from ml_platform.declarations.aggregates.feature import Feature
from ml_platform.declarations.aggregates.parts import Measure, Merged, PartialAggregate, ValueCounts

__all__ = ["Feature", "Measure", "Merged", "PartialAggregate", "ValueCounts", "aggregates"]


@cache
def aggregates() -> Mapping[str, type[Feature]]:
    """Return every aggregate by its key in YAML: those of the platform first, then those of installed packages.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> aggregates()["mean"].summary
    'The mean, from an exact sum; null over no row.'
    """
    return find_variants(sys.modules[__name__], Feature, "ml_platform.aggregates")
