"""The plan of a removal: what would go, why the rest stays, and a name that binds doing it to having seen it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml_platform.audit.retention.reachability import Key, Needed, Stored, look_at_store, what_is_needed
from ml_platform.core.hashing import content_id
from ml_platform.project import Project
from ml_platform.storage.removals import unfinished_removals
from ml_platform.storage.trash import StoredFile

_ID_LENGTH = 12


@dataclass(frozen=True)
class Item:
    """An artifact, and why it goes or stays; `bytes` are those of its own files that go with it."""

    kind: str
    id: str
    why: str
    bytes: int = 0


@dataclass(frozen=True)
class RemovalPlan:
    """What removing would do, and nothing else.

    Attributes
    ----------
    id
        Follows from what would be done: another plan has another id.
    goes, stays
        Artifacts.
    set_aside
        Files that leave their place: keys first, then manifests, then objects.
    final
        Files that were set aside longer ago than the grace period, and go for good.
    back
        Files that were set aside and are needed again.
    unfinished
        Manifests and keys whose removal for good was begun, by a process that was stopped.
    """

    id: str
    goes: tuple[Item, ...]
    stays: tuple[Item, ...]
    set_aside: tuple[StoredFile, ...]
    final: tuple[tuple[StoredFile, str], ...]
    back: tuple[str, ...]
    unfinished: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """How much leaves its place."""
        return sum(file.size for file in self.set_aside)

    @property
    def final_bytes(self) -> int:
        """How much goes for good."""
        return sum(file.size for file, _ in self.final)

    @property
    def objects(self) -> tuple[str, ...]:
        """The hashes of the objects that leave their place."""
        return tuple(file.name for file in self.set_aside if file.path.startswith("objects/"))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.set_aside or self.final or self.back or self.unfinished)

    def as_json(self) -> dict[str, Any]:
        """Return the plan in JSON types."""
        return {
            "plan": self.id,
            "goes": [asdict(item) for item in self.goes],
            "stays": [asdict(item) for item in self.stays],
            "set_aside": {"files": [file.path for file in self.set_aside], "bytes": self.bytes},
            "final": {"files": [file.path for file, _ in self.final], "bytes": self.final_bytes},
            "back": list(self.back),
            "unfinished": list(self.unfinished),
        }


def plan_removal(project: Project, now: datetime, wall_now: datetime) -> RemovalPlan:
    """Return what removing would do now, from `what_is_needed` at the same instants. Nothing is changed.

    Raises
    ------
    UnreadableDependency
        Where something that is needed is missing or damaged.
    """
    stored = look_at_store(project)
    needed = what_is_needed(project, stored, now, wall_now)
    stored = look_at_store(project)  # what was needed, and had been set aside, has come back meanwhile
    young = wall_now - project.spec.file.retention.grace
    named = _named(stored, needed)
    goes = tuple(Item(*key, why, _bytes_of(stored, key, named)) for key, why in sorted(needed.goes.items()))
    stays = tuple(Item(*key, why) for key, why in sorted(needed.stays.items()))
    files = tuple(_leaving(stored, needed, named, young))
    aside = list(project.store.removal.aside())
    final = tuple((file, at) for file, at in aside if file.name not in named and file.written_at < young)
    back = tuple(file.path for file, _ in aside if file.name in named and file.path.startswith("objects/"))
    unfinished = tuple(unfinished_removals(project.database))
    paths = [[file.path for file in files], [at for _, at in final], list(back), list(unfinished)]
    return RemovalPlan(content_id(paths)[:_ID_LENGTH], goes, stays, files, final, back, unfinished)


def _named(stored: Stored, needed: Needed) -> set[str]:
    """Return the hashes of all objects that a manifest names which stays."""
    return set(stored.unknown) | {
        item.sha256
        for key, artifact in stored.artifacts.items()
        if key not in needed.goes
        for item in artifact.objects.values()
    }


def _bytes_of(stored: Stored, key: Key, named: set[str]) -> int:
    objects = {item.sha256: item.size for item in stored.artifacts[key].objects.values() if item.sha256 not in named}
    return stored.manifests[key].size + sum(objects.values())


def _leaving(stored: Stored, needed: Needed, named: set[str], young: datetime) -> Iterator[StoredFile]:
    gone = {(artifact.kind, artifact.key) for artifact in _going(stored, needed.goes)}
    yield from (file for file in stored.keys if (file.path.split("/")[1], file.name) in gone)
    yield from (stored.manifests[key] for key in sorted(needed.goes))
    for file in (*stored.objects, *stored.temporaries):
        if file.name not in named and file.written_at < young:
            yield file


def _going(stored: Stored, goes: Mapping[Key, str]) -> Iterable[Any]:
    return (stored.artifacts[key] for key in goes)
