"""What a comparison of served rows with recomputed ones found."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Part
from ml_platform.storage.manifest import StoredObject


class DifferentValue(Part):
    """One value that differs, both values as texts with all their digits.

    Attributes
    ----------
    row
        The prediction id, or the key of an entity of the online store.
    """

    row: str
    column: str
    served: str
    recomputed: str
    note: str = ""

    @property
    def text(self) -> str:
        """The difference in a sentence without its full stop."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.row}: {self.column} was served as {self.served}, recomputed: {self.recomputed}{note}"


class ParityManifest(ArtifactKind):
    """What the manifest of a comparison holds.

    Attributes
    ----------
    days
        The UTC days whose logged requests were compared.
    logged, requests
        How many requests these days hold, and how many of them were compared.
    drawn, without_history
        Rows of the online store, and of these, rows of entities that some feature table does not know.
    differing, by_column
        Rows that differ, and in how many each column differs.
    late, late_by_table, greatest_lag
        Requests that read an older tick than training would have read, and by how many seconds at most.
    erased
        Requests whose features can no longer be recomputed, since rows of their sources were erased.
    differences
        The first differences.
    """

    name: ClassVar[str] = "parity"
    roles = MappingProxyType({"online_store": None})

    model: str
    days: Items[str]
    logged: int
    requests: int
    drawn: int
    without_history: int
    differing: int
    by_column: dict[str, int]
    late: int
    late_by_table: dict[str, int]
    greatest_lag: dict[str, float]
    erased: int
    differences: Items[DifferentValue]

    @property
    def row_count(self) -> int:
        """How many rows were compared."""
        return self.requests + self.drawn

    @property
    def text(self) -> str:
        """What was compared and what differs, in a sentence."""
        sample = f"{self.requests:,} of {self.logged:,} logged requests (drawn by hash of the prediction id)"
        requests = sample if self.requests < self.logged else f"{self.logged:,} logged requests"
        drawn = f"{self.drawn:,} rows of the online store ({self.without_history:,} without history)"
        outcome = f"{self.differing:,} of {self.row_count:,} rows differ" if self.differing else "every bit agrees"
        return f"{requests} and {drawn} compared: {outcome}."

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: the hash of what was found, and of the trained model."""
        return content_id({**self.as_json(), "trained_model": inputs["trained_model"]})
