"""A snapshot: the training frame, with one object for each UTC day of batch runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Strict

from ml_platform.core.hashing import content_id, frame_id
from ml_platform.storage.artifact_kinds.figures import Number
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, JsonByName, Mismatch, Part, Read
from ml_platform.storage.manifest import StoredObject


class SplitBoundaries(Part):
    """Where the periods of the split begin and end."""

    train_start: str
    validate_start: str
    test_start: str
    end: str
    horizon: str


class PeriodLabel(Part):
    """The label of one period of the split: the rows of each class, or figures of a number."""

    classes: dict[str, int] | None = None
    mean: Number | None = None
    min: Number | None = None
    max: Number | None = None
    p05: Number | None = None
    median: Number | None = None
    p95: Number | None = None


class SnapshotManifest(ArtifactKind):
    """What the manifest of a snapshot holds.

    Attributes
    ----------
    rows
        By period of the split.
    dropped, negatives
        How many rows were left out, and how many labels were taken for negative, by reason.
    nulls
        The share of nulls by column.
    label
        Figures of the label by period.
    chunks
        For each day its name, the hash of its rows, and how many there are.
    """

    name: ClassVar[str] = "snapshot"
    retention = "snapshots"
    persons = "rows"
    after_erasure = "erased: models trained on it can no longer be reproduced exactly"

    model: str
    as_of: str
    boundaries: SplitBoundaries
    rows: dict[str, int]
    dropped: dict[str, int]
    negatives: dict[str, int]
    columns: dict[str, str]
    nulls: dict[str, float]
    label: dict[str, PeriodLabel]
    days: int
    chunks: Items[Annotated[tuple[str, str, int], Strict(False)]]
    declared: JsonByName
    code: str

    @property
    def day_ids(self) -> dict[str, str]:
        """The hash of the rows of each day."""
        return {day: id for day, id, _ in self.chunks}

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of the rows, day by day, and of where the periods begin."""
        return self.id_with(self.day_ids)

    def id_with(self, days: Mapping[str, str]) -> str:
        """Return the id that the snapshot has where the rows of its days have these hashes."""
        content = {"model": self.model, "boundaries": self.boundaries.as_json(), "columns": self.columns}
        return content_id({"kind": self.name, **content, "chunks": [[day, id] for day, id in days.items()]})

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield the hash of the rows of each day."""
        for day in sorted(objects):
            yield Mismatch(f"rows of {day}", self.day_ids.get(day, "none"), frame_id(read(objects[day])))
