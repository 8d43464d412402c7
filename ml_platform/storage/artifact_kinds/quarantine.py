"""Rows that were refused: those of an ingest that failed a check, or the dirty rows of a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from ml_platform.core.hashing import content_id, frame_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Mismatch, Part, Read
from ml_platform.storage.manifest import StoredObject


class DirtyCount(Part):
    """How many rows are dirty for one reason.

    Attributes
    ----------
    column
        The first column that does not fit; absent where a row has no cells.
    handled
        ``quarantine``, or ``null``: ingested without the value.
    """

    reason: str
    handled: str
    rows: int
    column: str | None = None


class QuarantineManifest(ArtifactKind):
    """What the manifest of refused rows holds.

    Attributes
    ----------
    ids
        The hashes of the rows of each object, in the order of their names; absent where all rows of an ingest failed a
        check: then the id alone identifies them, until rows are erased.
    dirty
        Of dirty rows, how many there are for each reason.
    """

    name: ClassVar[str] = "quarantine"
    retention = "quarantine"
    is_remade = False
    persons = "rows"

    source: str
    rows: int
    at: str
    ids: Items[str] | None = None
    dirty: Items[DirtyCount] | None = None

    @property
    def row_count(self) -> int:
        """How many rows it holds."""
        return self.rows

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str | None:
        """Return the id: of the rows of each object; of dirty rows, also of the source."""
        if self.ids is None or self.dirty is None:
            return None if self.ids is None else content_id(self.ids)
        return content_id({"kind": self.name, "source": self.source, "rows": self.ids})

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield the hash of the rows of each object."""
        for name, id in zip(sorted(objects), self.ids or (), strict=False):
            yield Mismatch(f"rows of {name}", id, frame_id(read(objects[name])))
