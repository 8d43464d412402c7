"""The kinds of artifacts: a file for each, with what its manifest holds and how its id follows.

An installed package adds one by an entry point of the group ``ml_platform.artifact_kinds``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ml_platform.core.variants import find_variants
from ml_platform.storage.artifact_kinds.kind import (
    ArtifactKind,
    Items,
    JsonByName,
    Mismatch,
    Pair,
    Part,
    Read,
    _UnknownKind,
)

__all__ = [
    "ArtifactKind",
    "Items",
    "JsonByName",
    "Mismatch",
    "Pair",
    "Part",
    "Read",
    "ablation",
    "artifact_kind",
    "artifact_kinds",
    "backtest",
    "behavior",
    "checks",
    "drift_reference",
    "evaluation",
    "fairness",
    "feature_table",
    "figures",
    "monitoring",
    "parity",
    "pictures",
    "predictions",
    "profile",
    "quarantine",
    "snapshot",
    "source",
    "trained_model",
    "tuning",
]


@cache
def artifact_kinds() -> Mapping[str, type[ArtifactKind]]:
    """Return every kind of artifact by its name: those of the platform first, then those of installed packages.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> artifact_kinds()["snapshot"].__name__
    'SnapshotManifest'
    """
    return find_variants(sys.modules[__name__], ArtifactKind, "ml_platform.artifact_kinds")


def artifact_kind(name: str) -> type[ArtifactKind]:
    """Return a kind of artifact; one without fields of its own where no package that is installed now knows it."""
    return artifact_kinds().get(name, _UnknownKind)
