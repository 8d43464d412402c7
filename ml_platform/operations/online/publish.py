"""Publishing: the values of feature tables, and the newest rows of populations, of every entity, in one atomic step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from ml_platform.core.clock import to_micros
from ml_platform.core.engines.scratch import scratch_folder
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.operations.online.capacities import capacities_of
from ml_platform.operations.online.content import EntityContent, contents_of
from ml_platform.operations.online.decides import publication_key
from ml_platform.operations.online.populations import PopulationRecords, populations_online
from ml_platform.operations.online.records import ContentRecords, Described
from ml_platform.project import Project
from ml_platform.storage.exclusive import exclusive
from ml_platform.storage.online.description import Description, EntityRecords, PublishedPopulation
from ml_platform.storage.online.layout import Layout
from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.record_keys import RecordKeys
from ml_platform.storage.online.store import Change, OnlineStore

PUBLISHERS = "publish_online"
"""The name of the lock that a process holds while it changes the store."""


@dataclass(frozen=True)
class Published:
    """What a publication did.

    Attributes
    ----------
    description
        Of what the store holds now.
    outcome
        ``published``; ``unchanged`` where the same was published before; ``kept`` where a later tick was.
    changed, unchanged, removed
        How many records were written, were the same already, and are gone.
    bytes_written
        Of records and their keys.
    """

    description: Description
    outcome: str
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    bytes_written: int = 0


def publish_online(
    project: Project, inputs: Mapping[str, str], now: datetime, store: OnlineStore | None = None
) -> Published:
    """Publish what every online model of a project needs, as training could read it at `now`.

    All tables are replaced in one step. A later tick is never replaced by an earlier one. One process publishes at a
    time; killed at any moment, the former content stays whole.

    Parameters
    ----------
    inputs
        Ids of artifacts by node: those of `inputs_needed`.
    store
        The project's own by default.

    Raises
    ------
    OnlineStoreUnavailable
    FeatureError
        Where a value is too large for exact sums.
    """
    store = store or online_store(project)
    with exclusive(project.database, project.state, PUBLISHERS):
        return _Publication(project, inputs, now, store).published()


def online_store(project: Project) -> OnlineStore:
    """Return a project's online store."""
    return open_online_store(project.spec.file.storage.online, project.state, project.spec.file.name)


@dataclass
class _Counts:
    changed: int = 0
    removed: int = 0
    bytes_written: int = 0


@dataclass
class _Stored:
    """What the store holds of the entities whose records were computed: how many, and how many each block knows."""

    layout: Layout
    is_known: bool
    count: int = 0
    known: list[int] = field(default_factory=list)

    def add(self, records: Sequence[bytes]) -> None:
        """Count records; which blocks know them is read only where they have this layout (`is_known`)."""
        self.count += len(records)
        if self.is_known:
            known = self.layout.known_counts(records)
            self.known = [one + other for one, other in zip(self.known or [0] * len(known), known, strict=True)]


@dataclass
class _Publication:
    project: Project
    inputs: Mapping[str, str]
    now: datetime
    store: OnlineStore
    counts: _Counts = field(default_factory=_Counts)

    def published(self) -> Published:
        """Compute all records and publish those that differ, under the lock."""
        contents = contents_of(self.project.spec)
        with self.store.view() as view:
            before = view.description
        if before.as_of > to_micros(self.now):
            return Published(before, "kept")
        capacities = capacities_of(self.project, self.now)
        populations = populations_online(self.project, self.inputs, self.now)
        key = publication_key(self.project, contents, self.inputs, self.now, capacities, populations)
        if before.key == key:
            return Published(before, "unchanged")
        with scratch_folder(private_temporary_folder()) as folder:
            changes = _Spool(folder / "changes")
            described = [self._compared(content, before, changes) for content in contents]
            members = [self._population(item, before, changes) for item in populations]
            records = {
                item.record_keys.kind: records for item, (records, _, _) in zip(contents, described, strict=True)
            } | {published.kind: records for records, published in members}
            for kind in sorted(before.records.keys() - records.keys()):
                with self.store.view() as view:
                    others = list(view.keys(before.records[kind].record_keys.prefix))
                self._remove(others, changes)
            after = Description(
                generation=_following(before, self.now),
                as_of=to_micros(self.now),
                key=key,
                records=records,
                tables={name: table for _, tables, _ in described for name, table in tables.items()},
                rows={name: rows for _, _, models in described for name, rows in models.items()},
                capacities=capacities,
                populations={published.model: published for _, published in members},
            )
            self.store.publish(changes, after)
        changed, total = self.counts.changed, sum(records.count for records in after.records.values())
        return Published(after, "published", changed, total - changed, self.counts.removed, self.counts.bytes_written)

    def _compared(self, content: EntityContent, before: Description, changes: _Spool) -> Described:
        """Spool the records of one entity that differ, and return the descriptions of all of them."""
        with self.project.engine() as engine:
            records = ContentRecords(self.project, engine, content, self.inputs, self.now, before)
            published = before.records.get(content.record_keys.kind)
            seen, stored = list[bytes](), _Stored(records.layout, is_known=records.changed is not None)
            for keys, values in records.chunks():
                stored.add(self._spool(keys, values, changes))
                seen.extend(keys)
            if published is None:
                return records.described(len(seen), stored.known)
            if records.changed is not None:
                asked = set(content.record_keys.many(records.changed.columns)).difference(seen)
                stored.add(self._remove(sorted(asked), changes))
                return records.described(published.count - stored.count + len(seen), stored.known)
            if published.count != stored.count:
                self._remove_others(content.record_keys, seen, changes)
            return records.described(len(seen), stored.known)

    def _population(
        self, records: PopulationRecords, before: Description, changes: _Spool
    ) -> tuple[EntityRecords, PublishedPopulation]:
        """Spool the records of a population that differ, and return their description, and that of the population."""
        published = before.populations.get(records.model.name)
        if published is not None and published.key == records.key:
            return before.records[published.kind], published
        seen = list[bytes]()
        for keys, values in records.chunks():
            self._spool(keys, values, changes)
            seen.extend(keys)
        self._remove_others(records.record_keys, seen, changes)
        return records.described(len(seen))

    def _remove_others(self, record_keys: RecordKeys, seen: Sequence[bytes], changes: _Spool) -> None:
        """Spool the removal of all records of one kind but those that were seen."""
        with self.store.view() as view:
            others = set(view.keys(record_keys.prefix)).difference(seen)
        self._remove(sorted(others), changes)

    def _spool(self, keys: list[bytes], values: list[bytes], changes: _Spool) -> list[bytes]:
        """Spool the records of a chunk that differ from those in the store; return those of the store."""
        with self.store.view() as view:
            stored = view.get(keys)
            writes = [(key, new) for key, new, old in zip(keys, values, stored, strict=True) if old != new]
            changes.add(Change(writes))
            self.counts.changed += len(writes)
            self.counts.bytes_written += sum(len(key) + len(value) for key, value in writes)
            return [bytes(old) for old in stored if old is not None]

    def _remove(self, keys: Sequence[bytes], changes: _Spool) -> list[bytes]:
        """Spool the removal of those records of some keys that the store has, and return them."""
        with self.store.view() as view:
            stored = {key: bytes(old) for key, old in zip(keys, view.get(keys), strict=True) if old is not None}
        changes.add(Change((), list(stored)))
        self.counts.removed += len(stored)
        return list(stored.values())


def _following(before: Description, now: datetime) -> int:
    """Return the number of the next content.

    Where the store was emptied, such as by a Redis server that lost its data, it is a number that was not used before:
    readers that know the content of a number would not look at it again.
    """
    return before.generation + 1 if before.generation else to_micros(now)


class _Spool(Iterable[Change]):
    """Changes in a file, to be read as often as the store needs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: list[int] = []

    def add(self, change: Change) -> None:
        """Append changes."""
        data = msgspec.msgpack.encode(change)
        with self._path.open("ab") as file:
            file.write(data)
        self._sizes.append(len(data))

    def __iter__(self) -> Iterator[Change]:
        decoder = msgspec.msgpack.Decoder(tuple[list[tuple[bytes, bytes]], list[bytes]])
        if not self._sizes:
            return
        with self._path.open("rb") as file:
            for size in self._sizes:
                yield Change(*decoder.decode(file.read(size)))
