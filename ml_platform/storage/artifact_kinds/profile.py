"""Null shares and distributions of the columns of a source or a feature table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, JsonByName, Part
from ml_platform.storage.manifest import StoredObject


class ColumnProfile(Part):
    """One feature over time: its share of nulls and its distribution, where it has them."""

    nulls: float | None
    distribution: JsonByName | None


class ProfileManifest(ArtifactKind):
    """What the manifest of a profile holds.

    Attributes
    ----------
    nulls, chunks
        Of a source: how many nulls each column has in which chunks.
    rows, columns
        Of a feature table: how many values were sampled, and what they show.
    """

    name: ClassVar[str] = "profile"
    persons = "masked"

    nulls: dict[str, int] | None = None
    chunks: Items[str] | None = None
    rows: int | None = None
    columns: dict[str, ColumnProfile] | None = None
    erased: int | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of what is profiled, and of what was counted."""
        return content_id([*inputs.values(), self.as_json()])
