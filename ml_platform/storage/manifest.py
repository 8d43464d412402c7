"""Artifacts and their manifests: what each is, and the bytes that define it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.core.hashing import bytes_hash, canonical_json

_FORMAT = 1
_MANIFEST = re.compile(rb'\{"manifest":(\{.*\}),"sha256":"([0-9a-f]{64})"\}', re.DOTALL)


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
    read
        What `ml_platform.storage.artifact_kinds` has read of `about`, so that it is read once.
    """

    kind: str
    id: str
    key: str
    about: Mapping[str, Any]
    inputs: Mapping[str, str]
    objects: Mapping[str, StoredObject]
    read: dict[type, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def short_id(self) -> str:
        """The first 12 characters of the id, for people."""
        return self.id[:12]


def encode(artifact: Artifact) -> bytes:
    """Return an artifact's manifest: one canonical JSON text that ends with its own hash."""
    about = {
        "format": _FORMAT,
        "kind": artifact.kind,
        "id": artifact.id,
        "key": artifact.key,
        "about": artifact.about,
        "inputs": artifact.inputs,
        "objects": {name: [stored.sha256, stored.size] for name, stored in artifact.objects.items()},
    }
    body = canonical_json(about)
    return b'{"manifest":%b,"sha256":"%b"}' % (body, bytes_hash(body).encode())


def decode(kind: str, id: str, content: bytes) -> Artifact:
    """Return the artifact that a manifest describes.

    Raises
    ------
    ArtifactDamaged
        Where the bytes are not those that were written, or are another artifact's.
    """
    what = f"manifest of {kind} {id[:12]}"
    parts = _MANIFEST.fullmatch(content)
    if parts is None:
        raise ArtifactDamaged(what, "a readable manifest", bytes_hash(content))
    body, expected, actual = parts[1], parts[2].decode(), bytes_hash(parts[1])
    try:
        artifact = _artifact(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ArtifactDamaged(what, "a readable manifest", bytes_hash(content)) from None
    if actual != expected or (artifact.kind, artifact.id) != (kind, id):
        raise ArtifactDamaged(what, expected, actual)
    return artifact


def _artifact(body: Mapping[str, Any]) -> Artifact:
    objects = {name: StoredObject(sha256, size) for name, (sha256, size) in body["objects"].items()}
    return Artifact(body["kind"], body["id"], body["key"], body["about"], body["inputs"], objects)
