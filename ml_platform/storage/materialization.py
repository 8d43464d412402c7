"""What a core operation hands back."""

from __future__ import annotations

from dataclasses import dataclass

from ml_platform.storage.manifest import Artifact


@dataclass(frozen=True)
class Materialized:
    """An artifact, and whether it was there already under the same key."""

    artifact: Artifact
    reused: bool
