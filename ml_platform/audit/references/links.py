"""What may be asked for: one walk from roots along the inputs of artifacts, each found with the path that led to it.

Verifying walks it and checks, retention walks it and keeps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ml_platform.core.errors import PlatformError
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.prediction_log import KIND as PREDICTIONS
from ml_platform.storage.prediction_log import scored_by

_BY_ROLE = {
    "sources": "source",
    "features": "feature_table",
    "predictions": PREDICTIONS,
    "champion": "trained_model",
    "anchor": "trained_model",
    "deployment": "trained_model",
}
_NO_NEED = "previous"
"""A source's log holds all of what it was before, so that nobody asks for its former states."""


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
    """An artifact on which a root rests.

    Attributes
    ----------
    path
        Why it may be asked for: a root's reason, then each artifact on the way, the last being this one.
    artifact
        What its manifest says; None where there is none that can be read.
    problem
        Why it, or what it rests on, cannot be told; None where it can. Nobody may conclude then that something is not
        needed.
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
    """Yield every artifact on which some roots rest, once each: by the first root and the shortest way that led to it.

    Only ids are held in memory, never what is in the artifacts.
    """
    came_from: dict[_Key, _Key | str] = {}
    for root in roots:
        waiting: deque[_Key] = deque()
        _add(came_from, waiting, (root.kind, root.id), root.reason)
        while waiting:
            kind, id = key = waiting.popleft()
            found, needed = _read(store, kind, id, _path(came_from, key))
            yield found
            for link in needed:
                _add(came_from, waiting, link, key)


def links(store: ArtifactStore, artifact: Artifact) -> list[_Key]:
    """Return kind and id of each artifact that another one rests on directly, in a fixed order."""
    found = list(_links_of(artifact.inputs))
    if artifact.kind == PREDICTIONS:
        for segment in PredictionsManifest.of(artifact).segments:
            found += _links_of(segment.inputs or {})
        found += [("trained_model", id) for id in sorted(scored_by(store, artifact))]
    return list(dict.fromkeys(found))


def _links_of(inputs: Mapping[str, str]) -> Iterator[_Key]:
    for role, id in sorted(inputs.items()):
        if id and role != _NO_NEED:
            yield kind_of(role), id


def kind_of(role: str) -> str:
    """Return the kind of an input by its role: a node of the graph, a kind, or what the artifact is to it.

    >>> kind_of("features/courier_recent"), kind_of("snapshot"), kind_of("late_parcel/deployment")
    ('feature_table', 'snapshot', 'trained_model')
    """
    first, _, last = role.partition("/")
    if first in _BY_ROLE or not last:
        return _BY_ROLE.get(first, first)
    return _BY_ROLE.get(last, last)


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
        return Reached(kind, id, path, artifact), links(store, artifact)
    except PlatformError as error:
        return Reached(kind, id, path, artifact, error), []
