"""What is left of an artifact without one person's rows, and how a kind of artifact loses them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.staged_store import Rehearsal
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import parquet_bytes, read_parquet


@dataclass
class Remainder:
    """What is left of an artifact while its objects are gone through.

    Attributes
    ----------
    about
        What its manifest holds, without the person.
    objects
        Its objects by name, without the person.
    rows
        How many rows were taken out.
    changed
        The names of the objects that are no longer as they were.
    """

    store: Rehearsal
    person: Person
    artifact: Artifact
    about: dict[str, Any]
    objects: dict[str, StoredObject]
    rows: int = 0
    changed: set[str] = field(default_factory=set)

    @property
    def is_changed(self) -> bool:
        """Whether anything was taken out or masked."""
        return bool(self.changed) or self.about != dict(self.artifact.about)

    def may_hold(self, name: str) -> bool:
        """Return whether an object holds anything of the person."""
        return self.objects[name].sha256 in self.store.touched

    def read(self, name: str) -> pa.Table:
        """Return the rows of an object."""
        return read_parquet(self.store, self.objects[name])

    def filter(self, name: str, rows: int) -> int:
        """Take the person's rows out of an object of `rows` rows, and return how many it then has."""
        if not self.may_hold(name):
            return rows
        table = self.read(name)
        erased = self.person.rows(table)
        count = pc.sum(erased).as_py()
        if not count:
            return rows
        self.keep(name, table, pc.invert(erased))
        return int(table.num_rows - count)

    def keep(self, name: str, table: pa.Table, kept: pa.ChunkedArray, *, counted: bool = True) -> StoredObject:
        """Keep some rows of an object; the others are counted as erased, unless they only accompany others."""
        remaining = table.filter(kept)
        self.rows += table.num_rows - remaining.num_rows if counted else 0
        return self.replace(name, parquet_bytes(remaining))

    def replace(self, name: str, content: bytes) -> StoredObject:
        """Give an object other bytes."""
        self.changed.add(name)
        self.objects[name] = self.store.put(content)
        return self.objects[name]


class RowErasure(ABC):
    """How one kind of artifact loses the rows of a person: extend it in one file.

    Attributes
    ----------
    name
        The kind of artifact, such as ``snapshot``; its ``persons`` are ``rows``.
    marks_learned
        Whether what was learned from such an artifact is marked when it loses rows.
    """

    name: ClassVar[str]
    marks_learned: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def take_out(cls, remainder: Remainder) -> None:
        """Take the rows out of the objects, and correct what the manifest holds about them."""

    @classmethod
    def repoint(cls, connection: sa.Connection, artifact: Artifact, new: Artifact) -> None:
        """Let rows of the database that name the artifact name the new one; by default only outputs do."""
        return
