"""Plots of an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind
from ml_platform.storage.manifest import StoredObject


class PicturesManifest(ArtifactKind):
    """What the manifest of plots holds."""

    name: ClassVar[str] = "pictures"
    persons = "masked"

    erased: int | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of what is shown, and of the plots."""
        (shown,) = inputs.values()
        return content_id({"of": shown, "pictures": {name: stored.sha256 for name, stored in objects.items()}})
