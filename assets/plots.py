"""Pictures of an artifact: drawn once, kept in the store, shown in the UI and in MLflow."""

import base64
from collections.abc import Callable, Mapping
from typing import TypeVar

import dagster as dg

from ml_platform.core.hashing import cache_key
from ml_platform.declarations.user_code.version import code_version
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import ArtifactKind
from ml_platform.storage.artifact_kinds.pictures import PicturesManifest
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform_dagster.assets.metadata import literal

KIND = "pictures"
Kind = TypeVar("Kind", bound=ArtifactKind)


def draw_once(
    project: Project, manifest: type[Kind], artifact: Artifact, draw: Callable[[Kind], Mapping[str, bytes]]
) -> Mapping[str, StoredObject]:
    """Return an artifact's pictures by name, drawn from what it says about itself unless they are there already."""
    key = cache_key(KIND, draw.__name__, code_version(artifact.kind), {artifact.kind: artifact.id})
    found = project.store.find(KIND, key)
    if found is None:
        objects = {name: project.store.put(png) for name, png in draw(manifest.of(artifact)).items()}
        found = project.store.add(PicturesManifest(), key, objects=objects, inputs={artifact.kind: artifact.id})
    return found.objects


def shown(project: Project, pictures: Mapping[str, StoredObject]) -> dict[str, dg.MarkdownMetadataValue]:
    """Return pictures as metadata that the UI shows in place."""
    return {name: _picture(project.store.read(stored), name) for name, stored in pictures.items()}


def _picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![{literal(title)}](data:image/png;base64,{base64.b64encode(png).decode()})")
