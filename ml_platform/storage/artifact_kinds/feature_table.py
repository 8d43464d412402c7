"""A feature table: for each chunk of its source, which cells hold its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from ml_platform.core.hashing import content_id, frame_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, JsonByName, Mismatch, Part, Read
from ml_platform.storage.manifest import StoredObject

CHUNK, KNOWN_UNTIL = "_chunk", "_until_tick"
"""The first and the last of the columns that identify the cell of a row."""
BASE = "cells"
"""The part that every table has: which cells there are."""


class CellChunk(Part):
    """The cells of one chunk of the source; instants are microseconds since 1970 UTC, None where there is no cell.

    Attributes
    ----------
    prompt
        Whether every cell was known by the first tick at or after its events.
    replaced
        Whether a later row replaced any row of the cells.
    objects
        The columns of each object.
    ids
        The hash of each column; absent where rows were erased.
    zeros
        Digits of floats that are zero in every cell, and not stored.
    """

    name: str
    rows: int
    events: Items[int] | None
    known: Items[int] | None
    prompt: bool
    replaced: bool
    objects: dict[str, Items[str]]
    zeros: Items[str]
    ids: dict[str, str] | None = None


class FeatureTableManifest(ArtifactKind):
    """What the manifest of a feature table holds.

    Attributes
    ----------
    declared
        What decides it in its declaration; absent where rows were erased.
    columns
        The type of each feature.
    known
        From which to which tick its cells became known; None where there is no cell.
    """

    name: ClassVar[str] = "feature_table"
    retention = "feature_tables"
    persons = "rows"
    after_erasure = "erased: historical feature values of this entity can no longer be recomputed"

    table: str
    columns: dict[str, str]
    rows: int
    known: Items[str] | None
    zeros: Items[str]
    chunks: Items[CellChunk]
    declared: JsonByName | None = None

    @property
    def row_count(self) -> int:
        """How many rows or cells it holds."""
        return self.rows

    @property
    def newest(self) -> str | None:
        """The last known-at timestamp or tick."""
        return self.known[1] if self.known else None

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str | None:
        """Return the id: of the declaration, and of the cells of each chunk by column; None where rows were erased."""
        if self.declared is None:
            return None
        chunks = [[chunk.name, chunk.ids] for chunk in self.chunks]
        return content_id({"kind": self.name, "table": self.table, "declared": self.declared, "chunks": chunks})

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield the hash of each column of each chunk."""
        for chunk in self.chunks if self.declared is not None else ():
            for name, columns in chunk.objects.items():
                cells = read(objects[name])
                base = cells.column_names[: cells.column_names.index(KNOWN_UNTIL) + 1]
                base = base[base.index(CHUNK) :]
                for column in columns:
                    id = frame_id(cells.select(stored_columns(column, base)))
                    yield Mismatch(f"{column} of {chunk.name}", (chunk.ids or {}).get(column, "none"), id)


def stored_columns(column: str, base: Sequence[str]) -> list[str]:
    """Return the columns of a stored object that make one column of cells."""
    return list(base[1:]) if column == BASE else [column]
