"""A person's records in the online store."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.operations.online.publish import PUBLISHERS, online_store
from ml_platform.project import Project
from ml_platform.storage.exclusive import exclusive
from ml_platform.storage.online.description import Description, EntityRecords
from ml_platform.storage.online.store import Change, View


def held_online(project: Project, person: Person) -> dict[str, list[bytes]]:
    """Return the keys of the records that hold a person, by kind: its own, and population rows that name it.

    Raises
    ------
    OnlineStoreUnavailable
    """
    with online_store(project).view() as view:
        by_kind = {kind: list(_keys(view, records, person)) for kind, records in view.description.records.items()}
    return {kind: keys for kind, keys in by_kind.items() if keys}


def erase_online(project: Project, person: Person) -> int:
    """Remove a person's records, also from pages that are free, and return how many there were.

    Values of other entities that were computed from the person's rows are recomputed by the next publication, which is
    due from now on. It also publishes all populations again: their records may be about rows that name the person.

    Raises
    ------
    OnlineStoreUnavailable
    """
    store = online_store(project)
    with exclusive(project.database, project.state, PUBLISHERS):
        held = held_online(project, person)
        if not held:
            return 0
        with store.view() as view:
            before = view.description
            populations = [records.record_keys.prefix for records in before.records.values() if records.model]
            keys = {key for prefix in populations for key in view.keys(prefix)}
        keys.update(key for keys_held in held.values() for key in keys_held)
        store.publish([Change((), sorted(keys))], _without(before, held))
        store.purge()
    return sum(map(len, held.values()))


def _without(before: Description, held: dict[str, list[bytes]]) -> Description:
    counts = {
        kind: msgspec.structs.replace(records, count=records.count - len(held.get(kind, ())))
        for kind, records in before.records.items()
        if not records.model
    }
    return msgspec.structs.replace(before, generation=before.generation + 1, key="", records=counts, populations={})


def _keys(view: View, records: EntityRecords, person: Person) -> Iterator[bytes]:
    values = person.values_of(records.keys) if records.entity == person.entity else None
    person_key = None if values is None else records.record_keys.one(values)
    if person_key is not None and view.get([person_key]) != [None]:
        yield person_key
    for block in records.blocks:
        kinds = {name: block.columns[name] for name in person.key if name in block.columns}
        values = person.values_of(kinds)
        if values is None:
            continue
        pick = records.layout.picker([(block.name, name) for name in person.key])
        for key in list(view.keys(records.record_keys.prefix)):
            (record,) = view.get([key])
            if record is not None and key != person_key and pick(record)[0] == values:
                yield key
