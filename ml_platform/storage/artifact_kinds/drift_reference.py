"""The rows that a version was trained and evaluated on, summarized for the comparison with later windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items
from ml_platform.storage.manifest import StoredObject

SERIES, HISTOGRAMS = "series.json.gz", "histograms.json"
"""The objects whose figures windows are compared with."""


class DriftReferenceManifest(ArtifactKind):
    """What the manifest of a reference holds.

    Attributes
    ----------
    scores
        The columns of scores.
    growing
        Columns that grow, each with the keys by which they do.
    """

    name: ClassVar[str] = "drift_reference"
    persons = "masked"

    rows: int
    score_rows: int
    scores: Items[str]
    growing: dict[str, Items[str]]
    batches_a_day: float
    erased: int | None = None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of facts and figures; the sample takes no part."""
        hashes = {name: objects[name].sha256 for name in (HISTOGRAMS, SERIES)}
        return content_id({**self.as_json(), **hashes, "trained_model": inputs["trained_model"]})
