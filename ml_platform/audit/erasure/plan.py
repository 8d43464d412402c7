"""The plan of an erasure: what holds a person's data, what would be left, and what could no longer be proved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import pyarrow.compute as pc
import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.files import HeldFile, Remedy, held_files, unsearched
from ml_platform.audit.erasure.kinds import row_erasures
from ml_platform.audit.erasure.online_records import held_online
from ml_platform.audit.erasure.records import held_records
from ml_platform.audit.erasure.remove_rows import is_table, remainder_id, without
from ml_platform.audit.erasure.staged_store import Rehearsal
from ml_platform.audit.erasure.texts import masked_bytes, text_of
from ml_platform.audit.retention.reachability import Key, look_at_store
from ml_platform.core.hashing import canonical_json, content_id
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.erasure_marks import Mark
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import table_of
from ml_platform.storage.redirects import SUCCESSORS

_ID_LENGTH = 12


@dataclass(frozen=True)
class Replaced:
    """An artifact that held rows of the person, or its key, and the id of what would be left of it."""

    kind: str
    id: str
    rows: int
    successor: str


@dataclass(frozen=True)
class Removed:
    """An artifact that holds the person, of a kind that does not define how to remove a person from it."""

    kind: str
    id: str


@dataclass(frozen=True)
class ErasurePlan:
    """What erasing would do.

    Attributes
    ----------
    id
        Follows from what would be done: another plan has another id.
    replaced
        Artifacts that would be replaced by others.
    marks
        What could no longer be proved.
    objects
        The hashes of the objects that would go, at once and for good.
    elsewhere
        Where the key is that erasing does not reach: columns that are not the entity's, what was learned, files that
        are no text, and places that are not searched.
    files
        Files beside the store that would be removed, or in which the key would be masked.
    records
        How many rows of the database the key would be masked in, by table and column.
    removed
        Artifacts that would be removed as a whole; the next run recomputes them.
    online
        How many records would leave the online store.
    """

    id: str
    person: Person
    replaced: tuple[Replaced, ...]
    marks: tuple[Mark, ...]
    objects: frozenset[str]
    elsewhere: tuple[str, ...]
    files: tuple[HeldFile, ...] = ()
    records: Mapping[str, int] = field(default_factory=dict)
    removed: tuple[Removed, ...] = ()
    online: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether erasing would change nothing."""
        return not (self.replaced or self.removed or self.objects or self.files or self.records or self.online)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows would be erased, by kind of artifact; states that share a row count it once each."""
        counts: dict[str, int] = {}
        for item in self.replaced:
            counts[item.kind] = max(counts.get(item.kind, 0), item.rows)
        return counts

    def as_json(self) -> dict[str, Any]:
        """Return the plan in JSON types, without the key."""
        return {
            "plan": self.id,
            "entity": self.person.entity,
            "key_hash": self.person.hash,
            "replaced": [asdict(item) for item in self.replaced],
            "removed": [asdict(item) for item in self.removed],
            "marks": [{**asdict(mark), "at": mark.at.isoformat()} for mark in self.marks],
            "objects": sorted(self.objects),
            "elsewhere": list(self.elsewhere),
            "files": [{"path": item.path, "remedy": item.remedy.value} for item in self.files],
            "records": dict(self.records),
            "online": self.online,
        }


@dataclass(frozen=True)
class PersonData:
    """Where a person's data was found in the store.

    Attributes
    ----------
    touched
        Hashes of objects that hold rows of the person, or the key in a text.
    elsewhere
        By hash of an object, how many other rows hold the key, by column.
    """

    artifacts: Mapping[Key, Artifact]
    touched: frozenset[str]
    elsewhere: Mapping[str, Mapping[str, int]]

    def holders(self, person: Person) -> Iterator[Artifact]:
        """Yield the artifacts that hold rows of the person, or the key in their manifest."""
        for key, artifact in sorted(self.artifacts.items()):
            held = any(stored.sha256 in self.touched for stored in artifact.objects.values())
            if not is_learnt(artifact) and (held or _mentions(artifact, person)):
                yield self.artifacts[key]


def plan_erasure(project: Project, person: Person, now: datetime) -> ErasurePlan:
    """Return what erasing a person's data would do. Every object of the store is read once.

    What the prediction service has written is moved into the prediction log first, where rows can be taken out. Files
    that a worker still writes to are named, as are others that erasing does not reach.

    Raises
    ------
    UnreadableDependency, ArtifactMissing, ArtifactDamaged
    """
    compact_online_log(project, now)
    hits = find_person(project, person)
    replaced, removed, former = [], list[Removed](), set[str]()
    for artifact in hits.holders(person):
        if artifact_kind(artifact.kind).persons == "removed":
            removed.append(Removed(artifact.kind, artifact.id))
            former |= {stored.sha256 for stored in artifact.objects.values()}
            continue
        remainder = without(Rehearsal(project.store, hits.touched), artifact, person)
        if remainder.is_changed:
            replaced.append(Replaced(artifact.kind, artifact.id, remainder.rows, remainder_id(remainder)))
            kept = {stored.sha256 for stored in remainder.objects.values()}
            former |= {stored.sha256 for stored in artifact.objects.values()} - kept
    learnt = {
        stored.sha256
        for artifact in hits.artifacts.values()
        if is_learnt(artifact)
        for stored in artifact.objects.values()
    }
    objects = (hits.touched | former) - learnt  # hashes of keys and places of rows go with the rows
    removals = [[item.kind, item.id] for item in removed]
    id = content_id(
        [person.hash, [[item.kind, item.id, item.successor] for item in replaced], sorted(objects), *removals]
    )
    marks = tuple(marks_for(project, hits, replaced, now))
    online = sum(map(len, held_online(project, person).values()))
    held = list(held_files(project, person))
    unreachable = [_unreachable(item.path) for item in held if item.remedy is Remedy.NAME]
    return ErasurePlan(
        id[:_ID_LENGTH],
        person,
        tuple(replaced),
        marks,
        objects,
        (*_elsewhere(hits, person), *_unsearched_objects(project, hits), *unreachable, *unsearched(project, person)),
        tuple(item for item in held if item.remedy is not Remedy.NAME),
        held_records(project, person),
        tuple(removed),
        online,
    )


def _unreachable(path: str) -> str:
    if path.startswith("serving/log/"):
        return f"{path}: the prediction service ends this file within 10 minutes, and the next collection removes it"
    return f"{path}: the file is not a text"


def find_person(project: Project, person: Person) -> PersonData:
    """Look for a person in every object of the store, those without a manifest too; what was set aside comes back."""
    store, touched, elsewhere = project.store, set[str](), dict[str, Mapping[str, int]]()
    for file, _ in list(store.removal.aside()):
        store.removal.bring_back(file.path)
    stored = look_at_store(project)
    for file in stored.objects:
        if file.name.startswith("."):
            continue
        content = store.read(StoredObject(file.name, file.size))
        if is_table(content):
            table = table_of(content)
            if pc.sum(person.rows(table)).as_py():
                touched.add(file.name)
            if counts := person.elsewhere(table):
                elsewhere[file.name] = counts
        elif masked_bytes(content, person) is not None:
            touched.add(file.name)
    return PersonData(stored.artifacts, frozenset(touched), elsewhere)


def _mentions(artifact: Artifact, person: Person) -> bool:
    about = dict(artifact.about)
    return bool(canonical_json(person.masked(about)) != canonical_json(about))


def _elsewhere(hits: PersonData, person: Person) -> Iterator[str]:
    """Yield where the key stays, in words."""
    counts: dict[str, int] = {}
    for artifact in hits.artifacts.values():
        name = f"{artifact.kind} {artifact.about.get('source') or artifact.about.get('model') or artifact.short_id}"
        for stored in artifact.objects.values():
            for column, count in hits.elsewhere.get(stored.sha256, {}).items():
                counts[f"{name}: column {column}"] = max(counts.get(f"{name}: column {column}", 0), count)
        if is_learnt(artifact):
            held = any(stored.sha256 in hits.touched for stored in artifact.objects.values())
            if held or _mentions(artifact, person):
                yield f"{name} {artifact.short_id}, in its fitted state, such as a category: retrain it"
    yield from (f"{where}, up to {count} rows of other entities" for where, count in sorted(counts.items()))


def _unsearched_objects(project: Project, hits: PersonData) -> Iterator[str]:
    """Yield the objects that cannot be searched: neither tables nor texts, of kinds that do not declare `persons`."""
    for (kind, _), artifact in sorted(hits.artifacts.items()):
        if artifact_kind(kind).persons != "removed":
            continue
        for name, stored in sorted(artifact.objects.items()):
            content = project.store.read(stored)
            if not is_table(content) and text_of(content) is None:
                yield f"{kind} {artifact.short_id}: {name} is neither a table nor a text, so it is not searched"


def is_learnt(artifact: Artifact) -> bool:
    """Return whether an artifact holds what was learned from rows, and no rows."""
    return artifact_kind(artifact.kind).persons == "learnt"


# What can no longer be proved -----------------------------------------------


def marks_for(project: Project, hits: PersonData, replaced: list[Replaced], now: datetime) -> Iterator[Mark]:
    """Yield the marks of artifacts that would be replaced, under all of their ids, and of models trained on them."""
    former = _former_ids(project)
    for item in replaced:
        ids = [item.id, item.successor, *former.get((item.kind, item.id), ())]
        note = artifact_kind(item.kind).after_erasure
        for id in dict.fromkeys(ids):
            yield Mark(item.kind, id, now, item.rows, f"{_rows(item.rows)} {note}")
        erasure = row_erasures().get(item.kind)
        if erasure is not None and erasure.marks_learned:
            for artifact in hits.artifacts.values():
                if is_learnt(artifact) and artifact.inputs.get(item.kind) in ids:
                    note = f"{_rows(item.rows)} {artifact_kind(artifact.kind).after_erasure}"
                    yield Mark(artifact.kind, artifact.id, now, item.rows, note)


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _former_ids(project: Project) -> dict[Key, list[str]]:
    by_successor: dict[Key, list[str]] = {}
    with project.database.reading() as connection:
        for row in connection.execute(sa.select(SUCCESSORS)):
            by_successor.setdefault((row.kind, row.successor), []).append(row.id)
    return by_successor
