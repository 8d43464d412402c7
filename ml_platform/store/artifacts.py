"""The artefact store: write-once objects and manifests over fsspec.

Objects are named by the hash of their bytes. An artefact is a manifest that lists
them; it is written last, so an artefact without its manifest does not exist. A key
leads to an id, and equal key means that there is nothing to compute.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ml_platform.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.identity import bytes_hash, canonical_json
from ml_platform.store.removal import Removal

_FORMAT = 1


@dataclass(frozen=True)
class StoredObject:
    """Immutable bytes in the store."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Artifact:
    """What one node made: its identity, what it was made from, and its objects by name.

    Attributes
    ----------
    about
        Plain facts that follow from the content (row counts, schema, figures); JSON types only.
    inputs
        Ids of what it was made from, by role.
    """

    kind: str
    id: str
    key: str
    about: Mapping[str, Any]
    inputs: Mapping[str, str]
    objects: Mapping[str, StoredObject]

    @property
    def short_id(self) -> str:
        """The first 12 characters of the id, for people."""
        return self.id[:12]


class ArtifactStore:
    """Artefacts under an fsspec URL or a local path.

    Parameters
    ----------
    url
        Where the store lives: a path, or an fsspec URL such as ``s3://bucket/prefix``.
    cache
        Local folder for verified copies of remote objects; unused when the store is local.
    """

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._local = isinstance(self._fs, LocalFileSystem)
        self._cache = cache or Path(tempfile.gettempdir()) / "ml_platform_objects"
        self._verified: set[str] = set()
        self.removal = Removal(self._fs, self._root)

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

    def local_path(self, stored: StoredObject) -> Path:
        """Return a local file that holds the object, checked against its hash once per process."""
        path = Path(self._object_path(stored.sha256)) if self._local else self._cache / stored.sha256
        if stored.sha256 in self._verified and path.exists():
            return path
        content = self.read(stored)
        if not self._local:
            _write_durably(path, content)
        self._verified.add(stored.sha256)
        return path

    # Artefacts -------------------------------------------------------------

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
        """Write an artefact's manifest, then let its key lead to it. An id that is there stays as it is."""
        artifact = Artifact(kind, id, key, dict(about or {}), dict(inputs or {}), dict(objects or {}))
        try:
            artifact = self.get(kind, id)
        except (ArtifactMissing, ArtifactDamaged):
            self._write(self._manifest_path(kind, id), _encode(artifact))
        self._write(self._key_path(kind, key), id.encode())
        return artifact

    def find(self, kind: str, key: str) -> Artifact | None:
        """Return the artefact that `key` leads to, or None where it has to be made (first or anew)."""
        try:
            id = self._fetch(self._key_path(kind, key)).decode()
            return self.get(kind, id)
        except (FileNotFoundError, ArtifactMissing, ArtifactDamaged):
            return None

    def get(self, kind: str, id: str) -> Artifact:
        """Return the artefact with this id.

        Raises
        ------
        ArtifactMissing, ArtifactDamaged
        """
        try:
            content = self._fetch(self._manifest_path(kind, id))
        except FileNotFoundError:
            raise ArtifactMissing(kind, id, self.url) from None
        return _decode(kind, id, content)

    def ids(self, kind: str) -> Iterator[str]:
        """Yield the ids of every finished artefact of a kind, in order."""
        folder = f"{self._root}/manifests/{kind}"
        if self._fs.exists(folder):
            for path in sorted(self._fs.ls(folder, detail=False)):
                if str(path).endswith(".json"):
                    yield Path(path).stem

    # Paths and writing -----------------------------------------------------

    def _fetch(self, path: str) -> bytes:
        """Return a file's bytes; one that was set aside to be removed is brought back, since it is asked for."""
        try:
            content: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            if not self.removal.bring_back(path[len(self._root) + 1 :]):
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
            _write_durably(Path(path), content)
        else:
            self._fs.pipe_file(path, content)


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it holds all of `content` or is as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}"
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _encode(artifact: Artifact) -> bytes:
    body = {
        "format": _FORMAT,
        "kind": artifact.kind,
        "id": artifact.id,
        "key": artifact.key,
        "about": artifact.about,
        "inputs": artifact.inputs,
        "objects": {name: [stored.sha256, stored.size] for name, stored in artifact.objects.items()},
    }
    return canonical_json({"manifest": body, "sha256": bytes_hash(canonical_json(body))})


def _decode(kind: str, id: str, content: bytes) -> Artifact:
    what = f"manifest of {kind} {id[:12]}"
    try:
        document = json.loads(content)
        body, expected = document["manifest"], document["sha256"]
        found = bytes_hash(canonical_json(body))
    except (ValueError, KeyError, TypeError):
        raise ArtifactDamaged(what, "a readable manifest", bytes_hash(content)) from None
    if found != expected or (body["kind"], body["id"]) != (kind, id):
        raise ArtifactDamaged(what, expected, found)
    objects = {name: StoredObject(sha256, size) for name, (sha256, size) in body["objects"].items()}
    return Artifact(kind, id, body["key"], body["about"], body["inputs"], objects)
