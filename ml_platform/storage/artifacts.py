"""The artifact store: write-once objects and manifests over fsspec.

Objects are named by the hash of their bytes. An artifact is a manifest that lists
them; it is written last, so an artifact without its manifest does not exist. A key
leads to an id, and equal key means that there is nothing to compute.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, StoreUnavailable
from ml_platform.core.hashing import bytes_hash
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.storage.atomic_write import sweep, write_durably
from ml_platform.storage.file_stamp import file_stamp
from ml_platform.storage.manifest import Artifact, StoredObject, decode, encode
from ml_platform.storage.trash import Removal

if TYPE_CHECKING:
    from ml_platform.storage.artifact_kinds import ArtifactKind
    from ml_platform.storage.manifest_index import ManifestIndex


TEMPORARY = "tmp"
"""The folder below a local store's root in which files are written before they take their place."""
_ANY_WRITE = timedelta(days=1)
"""Longer than the write of any file takes."""


class ArtifactStore:
    """Artifacts under an fsspec URL or a local path.

    Parameters
    ----------
    url
        Where the store lives: a path, or an fsspec URL such as ``s3://bucket/prefix``.
    cache
        Local folder for verified copies of remote objects; unused when the store is local.
    index
        Remembers each manifest and key as it was written. One that was edited, or that it does not know, is not
        believed.
    """

    def __init__(self, url: str, cache: Path | None = None, index: ManifestIndex | None = None) -> None:
        self.url, self.index = url, index
        try:
            self._fs, self._root = _file_system(url)
        except (ImportError, ValueError, OSError) as error:  # some file systems call their server here
            raise StoreUnavailable(url, str(error)) from error
        self._local = isinstance(self._fs, LocalFileSystem)
        self._cache = cache or private_temporary_folder() / "objects"
        self._verified: dict[str, tuple[int, ...]] = {}
        self.removal = Removal(self._fs, self._root)
        self.successor: Callable[[str, str], str | None] = lambda kind, id: None
        self._brings_back = True
        self._swept = False

    def read_only(self) -> ArtifactStore:
        """Return the same store for who only looks: what was set aside to be removed stays there."""
        looking = copy.copy(self)
        looking._brings_back = False
        return looking

    # Objects ---------------------------------------------------------------

    def put(self, content: bytes) -> StoredObject:
        """Store `content` under its hash and return its name; bytes that are there already are only checked."""
        stored = StoredObject(bytes_hash(content), len(content))
        try:
            self.read(stored)
        except (ArtifactMissing, ArtifactDamaged):
            self._write(self._object_path(stored.sha256), content)
        return stored

    def read(self, stored: StoredObject) -> bytes:
        """Return an object's bytes, having checked them against its hash.

        Raises
        ------
        ArtifactMissing, ArtifactDamaged
        """
        try:
            content = self._fetch(self._object_path(stored.sha256))
        except FileNotFoundError:
            raise ArtifactMissing("object", stored.sha256, self.url) from None
        if bytes_hash(content) != stored.sha256:
            raise ArtifactDamaged(f"object {stored.sha256[:12]}", stored.sha256, bytes_hash(content))
        return content

    def holds(self, stored: StoredObject) -> bool:
        """Return whether there is an object by this name; its bytes are not read."""
        return bool(self._fs.exists(self._object_path(stored.sha256)))

    def local_path(self, stored: StoredObject) -> Path:
        """Return a local file that holds the object, checked against its hash unless it is as it was then."""
        path = Path(self._object_path(stored.sha256)) if self._local else self._cache / stored.sha256
        if self._verified.get(stored.sha256) == (seen := file_stamp(path)) and seen:
            return path
        content = self.read(stored)
        if not self._local:
            write_durably(path, content)
            seen = file_stamp(path)
        self._verified[stored.sha256] = seen
        return path

    # Artifacts -------------------------------------------------------------

    def add(
        self,
        manifest: ArtifactKind,
        key: str,
        *,
        objects: Mapping[str, StoredObject] | None = None,
        inputs: Mapping[str, str] | None = None,
        id: str | None = None,
    ) -> Artifact:
        """Write an artifact by what its manifest is to hold, as `write` does.

        Parameters
        ----------
        id
            Where it does not follow from the manifest.
        """
        artifact_id = id or manifest.id_of(inputs or {}, objects or {})
        assert artifact_id is not None, f"the id of {manifest.name} does not follow from its manifest"
        return self.write(manifest.name, artifact_id, key, objects=objects, about=manifest.as_json(), inputs=inputs)

    def write(
        self,
        kind: str,
        id: str,
        key: str,
        *,
        objects: Mapping[str, StoredObject] | None = None,
        about: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> Artifact:
        """Write an artifact's manifest, then let its key lead to it. An id that is there stays as it is."""
        artifact = Artifact(kind, id, key, dict(about or {}), dict(inputs or {}), dict(objects or {}))
        if self.index is None:
            return self._write_artifact(artifact)[0]
        with self.index.writing(kind, id) as connection:
            artifact, sha256 = self._write_artifact(artifact)
            self.index.remember(connection, kind, id, sha256, key)
        return artifact

    def _write_artifact(self, new: Artifact) -> tuple[Artifact, str]:
        try:
            content = self._manifest(new.kind, new.id)
            artifact = decode(new.kind, new.id, content)
        except (ArtifactMissing, ArtifactDamaged):
            artifact, content = new, encode(new)
            self._write(self._manifest_path(new.kind, new.id), content)
        self._write(self._key_path(new.kind, new.key), new.id.encode())
        return artifact, bytes_hash(content)

    def find(self, kind: str, key: str) -> Artifact | None:
        """Return the artifact that `key` leads to; None where there is none, or where the stored one is damaged."""
        try:
            id = self._fetch(self._key_path(kind, key)).decode()
            artifact = self.get(kind, id)
        except (FileNotFoundError, UnicodeDecodeError, ArtifactMissing, ArtifactDamaged):
            return None
        return artifact if self.index is None or self.index.key(kind, key) == id else None

    def get(self, kind: str, id: str) -> Artifact:
        """Return the artifact with this id, or the one that replaced it when rows of it were erased.

        Raises
        ------
        ArtifactMissing, ArtifactDamaged
        """
        try:
            return decode(kind, id, self._manifest(kind, id))
        except ArtifactMissing:
            if (successor := self.successor(kind, id)) is None:
                raise
            return decode(kind, successor, self._manifest(kind, successor))

    def _manifest(self, kind: str, id: str) -> bytes:
        """Return the bytes of a manifest as it was written; one that the index does not know is missing."""
        try:
            content = self._fetch(self._manifest_path(kind, id))
        except (FileNotFoundError, ValueError):  # a damaged id may be no name of a file at all
            raise ArtifactMissing(kind, id, self.url) from None
        if self.index is None:
            return content
        written = self.index.manifest(kind, id)
        if written is None:
            raise ArtifactMissing(kind, id, self.url)
        if bytes_hash(content) != written:
            raise ArtifactDamaged(f"manifest of {kind} {id[:12]}", written, bytes_hash(content))
        return content

    def ids(self, kind: str) -> Iterator[str]:
        """Yield the ids of every finished artifact of a kind, in order: those whose manifest the index knows."""
        known = None if self.index is None else {id for of, id in self.index.manifests() if of == kind}
        folder = f"{self._root}/manifests/{kind}"
        if self._fs.exists(folder):
            for path in sorted(self._fs.ls(folder, detail=False)):
                if str(path).endswith(".json") and (known is None or Path(path).stem in known):
                    yield Path(path).stem

    def unknown(self) -> Iterator[str]:
        """Yield the paths of manifests and keys that the index does not know, in order: they are never read."""
        if self.index is not None:
            there = [*self.files("keys"), *self.files("manifests")]  # first: what is written meanwhile is known then
            known = {f"keys/{kind}/{key}" for kind, key in [*self.index.keys()]}
            known |= {f"manifests/{kind}/{id}.json" for kind, id in self.index.manifests()}
            yield from (path for path in there if path not in known)

    # Files of their own name ------------------------------------------------

    def write_once(self, path: str, content: bytes) -> None:
        """Write a file below the store's root unless there is one by this name, which stays as it is."""
        if not self._fs.exists(f"{self._root}/{path}"):
            self._write(f"{self._root}/{path}", content)

    def read_file(self, path: str) -> bytes | None:
        """Return what a file below the store's root holds; None where there is none."""
        try:
            content: bytes = self._fs.cat_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return None
        return content

    def files(self, folder: str) -> Iterator[str]:
        """Yield the paths of all files in a folder below the store's root and below, in order."""
        root = f"{self._root}/{folder}"
        if self._fs.exists(root):
            for path, _, names in self._fs.walk(root):
                for name in sorted(names):
                    yield f"{folder}{str(path)[len(root) :]}/{name}"

    # Paths and writing -----------------------------------------------------

    def fetch(self, path: str) -> bytes:
        """Return the bytes of a file below the store's root, whatever they are: who asks checks them.

        Raises
        ------
        FileNotFoundError
        """
        return self._fetch(f"{self._root}/{path}")

    def _fetch(self, path: str) -> bytes:
        """Return a file's bytes; one that was set aside to be removed is brought back, since it is asked for."""
        try:
            content: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            if not (self._brings_back and self.removal.bring_back(path[len(self._root) + 1 :])):
                raise
            content = self._fs.cat_file(path)
        return content

    def _object_path(self, sha256: str) -> str:
        return f"{self._root}/objects/{sha256[:2]}/{sha256}"

    def _manifest_path(self, kind: str, id: str) -> str:
        return f"{self._root}/manifests/{kind}/{id}.json"

    def _key_path(self, kind: str, key: str) -> str:
        return f"{self._root}/keys/{kind}/{key}"

    def _write(self, path: str, content: bytes) -> None:
        if self._local:
            temporaries = Path(self._root) / TEMPORARY
            if not self._swept:  # once a process: the folder is nearly always empty
                self._swept = True
                sweep(temporaries, _ANY_WRITE.total_seconds())
            write_durably(Path(path), content, temporaries)
        else:
            self._fs.pipe_file(path, content)


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of an address, and the place in it. ``::`` in a local path chains nothing."""
    if "://" in url:
        opened: tuple[Any, str] = fsspec.core.url_to_fs(url)
        return opened
    files = LocalFileSystem()
    return files, str(Path(url).expanduser().absolute())
