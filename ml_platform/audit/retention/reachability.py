"""Why artifacts stay: what is needed, by whom, and what a rule of retention still keeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from ml_platform.audit.references.links import Root, links, reach
from ml_platform.audit.references.roots import all_roots
from ml_platform.core.clock import format_duration
from ml_platform.core.errors import ArtifactDamaged, PlatformError
from ml_platform.project import Project
from ml_platform.sources.ingest_history import INGESTS
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.artifacts import TEMPORARY
from ml_platform.storage.manifest import Artifact, decode
from ml_platform.storage.outputs import OUTPUTS
from ml_platform.storage.store_paths import is_store_path
from ml_platform.storage.trash import StoredFile

Key = tuple[str, str]


class UnreadableDependency(PlatformError):
    """An artifact in use cannot be read, so it is unknown which artifacts it needs itself."""

    def __init__(self, what: str, problem: PlatformError) -> None:
        super().__init__(
            f"nothing can be removed: the artifacts in use cannot be determined, because of {what}: {problem} "
            "Repair or restore it first; ml-platform verify lists all damage."
        )


@dataclass(frozen=True)
class Stored:
    """What is in the store.

    Attributes
    ----------
    artifacts
        Every manifest that can be read, by kind and id.
    manifests, objects, keys
        Their files.
    temporaries
        Half-written files, as a killed process leaves them.
    unknown
        The hashes of objects that manifests name which the database does not know. Those manifests stay, and what
        they name: they may be of after the copy from which the database was restored.
    """

    artifacts: Mapping[Key, Artifact]
    manifests: Mapping[Key, StoredFile]
    objects: tuple[StoredFile, ...]
    keys: tuple[StoredFile, ...]
    temporaries: tuple[StoredFile, ...] = ()
    unknown: frozenset[str] = frozenset()


def look_at_store(project: Project) -> Stored:
    """Return what is in a project's store.

    Raises
    ------
    UnreadableDependency
        Where a manifest cannot be read.
    """
    store, artifacts, manifests = project.store, {}, {}
    there = [*store.removal.files("manifests")]  # first: what is written beside, and unknown yet, is no damage
    unknown = set(store.unknown())
    for file in there:
        if not file.name.startswith(".") and file.path not in unknown:
            key = (file.path.split("/")[1], file.name.removesuffix(".json"))
            try:
                artifacts[key] = store.get(*key)
            except PlatformError as error:
                raise UnreadableDependency(f"{key[0]} {key[1][:12]}", error) from None
            manifests[key] = file
    objects = tuple(file for file in store.removal.files("objects") if is_store_path(file.path))
    temporaries = tuple(store.removal.files(TEMPORARY))
    keys = tuple(file for file in store.removal.files("keys") if file.path not in unknown)
    return Stored(artifacts, manifests, objects, keys, temporaries, _named_by(project, unknown))


def _named_by(project: Project, unknown: Iterable[str]) -> frozenset[str]:
    """Return the hashes of all objects that some manifests name which the database does not know."""
    hashes: set[str] = set()
    for path in filter(is_store_path, unknown):
        folder, kind, name = path.split("/", 2)
        content = project.store.read_file(path) if folder == "manifests" else None
        with suppress(ArtifactDamaged):  # then it is unknown which objects it names
            if content is not None:
                hashes.update(stored.sha256 for stored in decode(kind, name[:-5], content).objects.values())
    return frozenset(hashes)


@dataclass
class Needed:
    """Which artifacts stay, each with the reason, and which go, each with the reason."""

    stays: dict[Key, str] = field(default_factory=dict)
    goes: dict[Key, str] = field(default_factory=dict)


def what_is_needed(project: Project, stored: Stored, now: datetime, wall_now: datetime) -> Needed:
    """Return for every artifact of the store whether it stays, and why.

    Parameters
    ----------
    now
        By the project's clock, which rules of retention follow.
    wall_now
        By the clock on the wall, which the grace period follows.

    Raises
    ------
    UnreadableDependency
        Where something that is needed is missing or damaged.
    """
    deciding = _Deciding(project, stored, now, wall_now)
    deciding.keep_reachable([*all_roots(project.database), *deciding.recent_outputs()])
    deciding.keep_by_rule()
    deciding.decide_followers()
    return deciding.needed


class _Deciding:
    def __init__(self, project: Project, stored: Stored, now: datetime, wall_now: datetime) -> None:
        self._project, self._stored, self._now = project, stored, now
        self._retention = project.spec.file.retention
        self._young = wall_now - self._retention.grace
        self._made = _made_last(project)
        self.needed = Needed()

    def keep_reachable(self, roots: list[Root]) -> None:
        """Keep the artifacts on which some roots depend."""
        for reached in reach(self._project.store, roots):
            if reached.problem is not None:
                raise UnreadableDependency(str(reached), reached.problem)
            why = str(reached) if len(reached.path) > 2 else reached.path[0]
            id = (
                reached.artifact.id if reached.artifact else reached.id
            )  # of the artifact that replaced it, where rows were erased
            self.needed.stays.setdefault((reached.kind, id), why)

    def recent_outputs(self) -> Iterator[Root]:
        """Yield what was the last output of a node within the grace period: a run may have begun with it."""
        for node, outputs in _outputs(self._project).items():
            for newer, older in itertools.pairwise(outputs):
                file = self._stored.manifests.get(newer)
                if file is None or file.written_at < self._young:
                    break
                if older in self._stored.artifacts:
                    yield Root(*older, f"output of {node} when a run in progress may have begun")

    def keep_by_rule(self) -> None:
        """Keep the artifacts that a retention rule keeps, with all artifacts on which they depend."""
        kept = []
        for key in self._stored.artifacts:
            if key in self.needed.stays or artifact_kind(key[0]).retention is None:
                continue
            why = self._kept_because(key)
            if why is None:
                self.needed.goes[key] = f"unused, {self._age_text(key)}; retention keeps {self._rule(key)}"
            else:
                kept.append(Root(*key, why))
        self.keep_reachable(kept)
        for key in self.needed.stays:
            self.needed.goes.pop(key, None)

    def decide_followers(self) -> None:
        """Let artifacts that describe other artifacts be removed with them."""
        waiting = [
            key
            for key in self._stored.artifacts
            if artifact_kind(key[0]).retention is None and key not in self.needed.stays
        ]
        while waiting:
            gone = [key for key in waiting if self._lost(key)]
            if not gone:
                break
            waiting = [key for key in waiting if key not in gone]
        for key in waiting:
            self.needed.stays[key] = "it describes artifacts that are kept"

    def _lost(self, key: Key) -> bool:
        """Let an artifact be removed if an artifact that it describes is removed or is gone."""
        for link in links(self._stored.artifacts[key]):
            if link in self.needed.goes or link not in self._stored.artifacts:
                if self._stored.manifests[key].written_at >= self._young:
                    return False
                self.needed.goes[key] = f"it describes {link[0]} {link[1][:12]}, which is removed"
                return True
        return False

    def _kept_because(self, key: Key) -> str | None:
        rule = self._span(key)
        if rule is None:
            return f"retention has no rule for {artifact_kind(key[0]).retention}"
        if self._stored.manifests[key].written_at >= self._young:
            return f"written within the grace period of {format_duration(self._retention.grace)}"
        if self._age(key) < rule:
            return f"retention keeps {self._rule(key)}"
        return None

    def _rule(self, key: Key) -> str:
        return f"{artifact_kind(key[0]).retention} for {format_duration(self._span(key) or timedelta(0))}"

    def _span(self, key: Key) -> timedelta | None:
        return self._retention.rule(artifact_kind(key[0]).retention or "")

    def _age(self, key: Key) -> timedelta:
        made = self._made.get(key) or self._made_at(key) or self._stored.manifests[key].written_at
        return self._now - made

    def _made_at(self, key: Key) -> datetime | None:
        text = self._stored.artifacts[key].about.get("at")
        return datetime.fromisoformat(text) if text else None

    def _age_text(self, key: Key) -> str:
        hours = self._age(key) // timedelta(hours=1)
        return f"made {f'{hours} h' if hours < 48 else f'{hours // 24} days'} ago"


def _outputs(project: Project) -> dict[str, list[Key]]:
    """Return what each node made, the newest first, once each."""
    by_node: dict[str, list[Key]] = {}
    outputs = sa.select(OUTPUTS.c.node, OUTPUTS.c.kind, OUTPUTS.c.id).order_by(OUTPUTS.c.seq.desc())
    ingests = sa.select(INGESTS.c.source, INGESTS.c.id).order_by(INGESTS.c.seq.desc())
    with project.database.reading() as connection:
        rows = [(row.node, row.kind, row.id) for row in connection.execute(outputs)]
        rows += [(f"ingests of {row.source}", "source", row.id) for row in connection.execute(ingests)]
    for node, kind, id in rows:
        items = by_node.setdefault(node, [])
        if (kind, id) not in items[-1:]:
            items.append((kind, id))
    return by_node


def _made_last(project: Project) -> dict[Key, datetime]:
    """Return when each artifact was made last, or found to be as it should, by the project's clock."""
    query = sa.select(OUTPUTS.c.kind, OUTPUTS.c.id, sa.func.max(OUTPUTS.c.at).label("at"))
    with project.database.reading() as connection:
        rows = connection.execute(query.group_by(OUTPUTS.c.kind, OUTPUTS.c.id)).all()
    return {(row.kind, row.id): row.at for row in rows}
