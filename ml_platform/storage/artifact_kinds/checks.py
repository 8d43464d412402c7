"""Results of checks of a feature table or of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, JsonByName, Part
from ml_platform.storage.manifest import StoredObject


class HeldResult(Part):
    """What one check found; `summary` and the rows have the names that the check and the data give."""

    name: str
    passed: bool
    severity: str
    summary: JsonByName
    failing_rows: Items[JsonByName]


class ChecksManifest(ArtifactKind):
    """What the manifest of results holds."""

    name: ClassVar[str] = "checks"
    persons = "masked"

    results: Items[HeldResult]
    erased: int | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of what was checked, and of the results."""
        return content_id([*inputs.values(), self.as_json()])
