"""Rows that a blocking expectation refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items
from ml_platform.storage.manifest import StoredObject


class QuarantineManifest(ArtifactKind):
    """What the manifest of refused rows holds.

    Attributes
    ----------
    ids
        The hashes of the rows of each object, where rows were erased: before, the id alone tells them.
    """

    name: ClassVar[str] = "quarantine"
    retention = "quarantine"
    is_remade = False
    persons = "rows"

    source: str
    rows: int
    at: str
    ids: Items[str] | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str | None:
        """Return the id: of the rows of each object."""
        return None if self.ids is None else content_id(self.ids)
