"""What may be asked for: one walk from roots along the inputs of artifacts, each found with the path that led to it.

Verifying walks it and checks, retention walks it and keeps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ml_platform.core.errors import PlatformError
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact


@dataclass(frozen=True)
class Root:
    """An artifact that must be there, and why.

    Attributes
    ----------
    reason
        In words, such as ``champion of late_arrival``.
    """

    kind: str
    id: str
    reason: str


@dataclass(frozen=True)
class Reached:
    """An artifact on which a root depends.

    Attributes
    ----------
    path
        Why it may be asked for: a root's reason, then each artifact on the way, the last being this one.
    artifact
        As its manifest describes it; None where no manifest can be read.
    problem
        Why the artifact, or the list of artifacts that it depends on, cannot be read; None where both can. With a
        problem, it is unknown which artifacts are not needed.
    """

    kind: str
    id: str
    path: tuple[str, ...]
    artifact: Artifact | None = None
    problem: PlatformError | None = None

    @property
    def objects(self) -> frozenset[str]:
        """The hashes of the objects that it is made of."""
        return frozenset(stored.sha256 for stored in self.artifact.objects.values()) if self.artifact else frozenset()

    def __str__(self) -> str:
        return " > ".join(self.path)


_Key = tuple[str, str]


def reach(store: ArtifactStore, roots: Iterable[Root]) -> Iterator[Reached]:
    """Yield every artifact on which some roots depend, once each: by the first root and the shortest path to it.

    Only ids are held in memory, never what is in the artifacts.
    """
    came_from: dict[_Key, _Key | str] = {}
    for root in roots:
        waiting: deque[_Key] = deque()
        _add(came_from, waiting, (root.kind, root.id), root.reason)
        while waiting:
            kind, id = key = waiting.popleft()
            reached, needed = _read(store, kind, id, _path(came_from, key))
            yield reached
            for link in needed:
                _add(came_from, waiting, link, key)


def links(artifact: Artifact) -> list[_Key]:
    """Return kind and id of each artifact on which another one depends directly, in a fixed order."""
    return list(dict.fromkeys(artifact_kind(artifact.kind).of(artifact).links(artifact.inputs)))


def _add(came_from: dict[_Key, _Key | str], waiting: deque[_Key], key: _Key, source: _Key | str) -> None:
    if key not in came_from:
        came_from[key] = source
        waiting.append(key)


def _path(came_from: dict[_Key, _Key | str], key: _Key) -> tuple[str, ...]:
    steps: list[str] = []
    at: _Key | str = key
    while not isinstance(at, str):
        steps.append(f"{at[0]} {at[1][:12]}")
        at = came_from[at]
    return (at, *reversed(steps))


def _read(store: ArtifactStore, kind: str, id: str, path: tuple[str, ...]) -> tuple[Reached, list[_Key]]:
    artifact = None
    try:
        artifact = store.get(kind, id)
        return Reached(kind, id, path, artifact), links(artifact)
    except PlatformError as error:
        return Reached(kind, id, path, artifact, error), []
