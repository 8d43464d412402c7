"""The log of a source: chunks of rows, and records of the rows that later ones replace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from ml_platform.core.hashing import content_id, frame_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, Mismatch, Part, Read
from ml_platform.storage.manifest import StoredObject


class SourceChunk(Part):
    """Rows that one ingest appended.

    Attributes
    ----------
    id
        The hash of the rows.
    keys
        The least and the greatest value of the first key column.
    """

    name: str
    rows: int
    id: str
    known_from: str
    keys: Items[Any] | None = None


class ReplacedRows(Part):
    """Which rows of a chunk one ingest replaced or deleted.

    Attributes
    ----------
    deleted_from
        The first instant at which one of them was deleted; absent where all were replaced.
    """

    name: str
    chunk: str
    rows: int
    id: str
    deleted_from: str | None = None


class SourceManifest(ArtifactKind):
    """What the manifest of a source's log holds.

    Attributes
    ----------
    events, known
        The first and the last event timestamp and known-at timestamp; absent where no row ever came.
    replaced
        Absent in a log that was made before replaced rows were recorded.
    """

    name: ClassVar[str] = "source"
    retention = "sources"
    is_remade = False
    roles = MappingProxyType({"previous": None})  # a log holds all of what it was before
    persons = "rows"
    after_erasure = "erased: artifacts computed from it before can no longer be reproduced exactly"

    source: str
    columns: dict[str, str]
    rows: int
    chunks: Items[SourceChunk]
    keys_repeat: bool
    replaced: Items[ReplacedRows] | None = None
    events: Items[str] | None = None
    known: Items[str] | None = None

    @property
    def records(self) -> tuple[ReplacedRows, ...]:
        """The records of replaced rows."""
        return self.replaced or ()

    @property
    def row_count(self) -> int:
        """How many rows or cells it holds."""
        return self.rows

    @property
    def newest(self) -> str | None:
        """The last known-at timestamp or tick."""
        return self.known[1] if self.known else None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of the chunks and the records of replaced rows by their ids, or of columns without rows."""
        if self.known is None:
            return content_id({"kind": self.name, "source": self.source, "columns": self.columns, "rows": 0})
        ids = {"chunks": [item.id for item in self.chunks], "replaced": [item.id for item in self.records]}
        return content_id({"kind": self.name, "source": self.source, **ids})

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield the hash and the number of rows of each chunk and each record."""
        parts: list[SourceChunk | ReplacedRows] = [*self.chunks, *self.records]
        for item in parts:
            rows = read(objects[item.name])
            yield Mismatch(f"rows of {item.name}", item.id, frame_id(rows))
            yield Mismatch(f"rows of {item.name}", str(item.rows), str(rows.num_rows))
