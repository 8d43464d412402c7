"""A store to try things out in."""

from __future__ import annotations

from ml_platform.core.hashing import bytes_hash
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import StoredObject


class Rehearsal:
    """A store in which nothing is written: what would be is held until it is asked to be.

    Attributes
    ----------
    touched
        The hashes of the objects that hold anything of the person; no other is read.
    """

    def __init__(self, store: ArtifactStore, touched: frozenset[str]) -> None:
        self._store, self.touched = store, touched
        self._new: dict[str, bytes] = {}

    def put(self, content: bytes) -> StoredObject:
        """Hold what would be stored."""
        stored = StoredObject(bytes_hash(content), len(content))
        self._new[stored.sha256] = content
        return stored

    def read(self, stored: StoredObject) -> bytes:
        """Return what is stored, or would be."""
        held = self._new.get(stored.sha256)
        return self._store.read(stored) if held is None else held

    def perform(self) -> None:
        """Store what was held."""
        for content in self._new.values():
            self._store.put(content)
