"""Pictures of an artifact: drawn once, kept in the store, and shown from there by the web server and by MLflow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ml_platform.core.hashing import cache_key
from ml_platform.declarations.user_code.version import code_version
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import ArtifactKind
from ml_platform.storage.artifact_kinds.pictures import PicturesManifest
from ml_platform.storage.manifest import Artifact

KIND = "pictures"
PICTURES = "/pages/pictures"
"""Where the web server of ``ml-platform up`` shows the pictures of the store, by the id of their artifact."""
Kind = TypeVar("Kind", bound=ArtifactKind)


def draw_once(
    project: Project, manifest: type[Kind], artifact: Artifact, draw: Callable[[Kind], Mapping[str, bytes]]
) -> Artifact:
    """Return the pictures of an artifact, drawn from its manifest unless they were drawn before."""
    return _kept(project, artifact, draw.__name__, lambda: draw(manifest.of(artifact)))


def draw_with(
    project: Project, artifact: Artifact, name: str, facts: Any, draw: Callable[[], Mapping[str, bytes]]
) -> Artifact:
    """Return pictures that show an artifact together with other facts, which take part in their key as JSON."""
    return _kept(project, artifact, {"draw": name, "facts": facts}, draw)


def _kept(project: Project, artifact: Artifact, decides: Any, draw: Callable[[], Mapping[str, bytes]]) -> Artifact:
    key = cache_key(KIND, decides, code_version(artifact.kind), {artifact.kind: artifact.id})
    pictures = project.store.find(KIND, key)
    if pictures is None:
        objects = {name: project.store.put(content) for name, content in draw().items()}
        pictures = project.store.add(PicturesManifest(), key, objects=objects, inputs={artifact.kind: artifact.id})
    return pictures


def in_place(pictures: Artifact, names: Sequence[str] | None = None) -> list[str]:
    """Return small pictures as Markdown.

    They have an address of the web server: a page in the UI holds 1000 characters of Markdown, which no picture fits.
    Where another server shows the UI, the text in place of a picture names the server that has it.
    """
    wanted = [name for name in (names or pictures.objects) if name in pictures.objects]
    return [f"![{_words(name)}: ml-platform up shows this picture]({_address(pictures, name)}.svg)" for name in wanted]


def linked(pictures: Artifact) -> str:
    """Return the links to large pictures as Markdown."""
    return " · ".join(f"[{_words(name)}]({_address(pictures, name)}.png)" for name in pictures.objects) or "none"


def _address(pictures: Artifact, name: str) -> str:
    return f"{PICTURES}/{pictures.id}/{name}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
