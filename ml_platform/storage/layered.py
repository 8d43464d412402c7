"""A store over another one: what the lower store has is read there, and everything new is written to the upper one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.manifest_index import ManifestIndex


class LayeredStore(ArtifactStore):
    """Artifacts of two stores as one. Nothing is ever written to the lower store, or moved in it.

    Parameters
    ----------
    url
        The upper store, which takes what is written.
    below
        The lower store, which is only read. It needs no index of its own: `index` knows the manifests of both.
    """

    def __init__(self, url: str, below: ArtifactStore, cache: Path | None = None, index: ManifestIndex | None = None):
        super().__init__(url, cache, index)
        self._below = below.read_only()

    def holds(self, stored: StoredObject) -> bool:
        """Return whether one of both has an object by this name; its bytes are not read."""
        return super().holds(stored) or self._below.holds(stored)

    def local_path(self, stored: StoredObject) -> Path:
        """Return a local file that holds the object, of the store that has it."""
        return super().local_path(stored) if super().holds(stored) else self._below.local_path(stored)

    def files(self, folder: str) -> Iterator[str]:
        """Yield the paths of all files in a folder of either store, in order, each once."""
        yield from sorted({*super().files(folder), *self._below.files(folder)})

    def ids(self, kind: str) -> Iterator[str]:
        """Yield the ids of every finished artifact of a kind in either store, in order, each once."""
        yield from sorted({*super().ids(kind), *self._below.ids(kind)})

    def read_file(self, path: str) -> bytes | None:
        """Return what a file of either store holds; None where there is none."""
        content = super().read_file(path)
        return self._below.read_file(path) if content is None else content

    def _fetch(self, path: str) -> bytes:
        try:
            return super()._fetch(path)
        except FileNotFoundError:
            return self._below.fetch(path[len(self._root) + 1 :])
