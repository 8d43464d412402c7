"""What the online store holds: how its records are laid out, and up to when their data goes."""

from __future__ import annotations

from functools import cached_property

import msgspec

from ml_platform.declarations.source import ColumnType
from ml_platform.storage.online.layout import Block, Layout
from ml_platform.storage.online.record_keys import RecordKeys

FORMAT = 1


class PublishedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A feature table as it was published. Instants and spans are microseconds.

    Attributes
    ----------
    tick
        The refresh tick that the values are of.
    artifact
        The feature table's id.
    refresh, publish_delay
        Of its declaration then: when the next tick can be read follows from them.
    entities
        How many entities had a row that was known at the tick.
    """

    name: str
    tick: int
    artifact: str
    published_at: int
    refresh: int
    publish_delay: int
    entities: int


class PublishedRows(msgspec.Struct, frozen=True, kw_only=True):
    """The newest rows of one model's population.

    Attributes
    ----------
    as_of
        Rows that were known then, in microseconds.
    artifact
        The source's id.
    """

    model: str
    as_of: int
    artifact: str
    entities: int


class EntityRecords(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The records of one entity.

    Attributes
    ----------
    keys
        The type of each key column.
    nothing
        The record of an entity that none of its tables knows, as the features' own look-up answers it.
    count
        How many records there are.
    basis
        What decides the records beside data and time; empty where that was not noted. Where it is the same, only the
        records of entities whose data changed are computed again.
    model
        Whose population the records show; "" for the records of feature tables and population rows.
    """

    entity: str
    keys: dict[str, ColumnType]
    blocks: tuple[Block, ...]
    nothing: bytes
    count: int
    basis: str = ""
    model: str = ""

    @cached_property
    def layout(self) -> Layout:
        """The place of each value."""
        return Layout(self.blocks)

    @cached_property
    def record_keys(self) -> RecordKeys:
        """How its keys are made."""
        return RecordKeys(self.entity, tuple(self.keys.values()), self.model)


class PublishedCapacity(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a day is expected to bring to a model whose action is limited, as earlier days show them.

    Attributes
    ----------
    gain
        The expected gain of each row, largest first.
    time
        Its time of day, in microseconds.
    days
        How many days they are of.
    """

    gain: list[float]
    time: list[int]
    days: int


class PublishedPopulation(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in one model's population, as its batch run of a tick chooses.

    Attributes
    ----------
    tick
        The batch run, in microseconds.
    key
        What decided it: equal keys, equal records.
    kind
        Of its records.
    entities
        How many entities are in the population.
    """

    model: str
    tick: int
    key: str
    kind: str
    entities: int


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is published.

    Attributes
    ----------
    generation
        Counts what was published: the same number is the same content.
    as_of
        The project's time at publishing, in microseconds.
    key
        What decided the records: equal keys, equal records.
    records
        By kind (`RecordKeys.kind`).
    rows, capacities, populations
        By model.
    """

    format: int = FORMAT
    generation: int = 0
    as_of: int = 0
    key: str = ""
    records: dict[str, EntityRecords] = {}
    tables: dict[str, PublishedTable] = {}
    rows: dict[str, PublishedRows] = {}
    capacities: dict[str, PublishedCapacity] = {}
    populations: dict[str, PublishedPopulation] = {}


NOTHING = Description()
"""What a store holds before anything was published."""

_decoder = msgspec.json.Decoder(Description)


def to_bytes(description: Description) -> bytes:
    """Return a description as JSON."""
    return msgspec.json.encode(description)


def from_bytes(data: bytes | memoryview) -> Description:
    """Return a description from JSON."""
    return _decoder.decode(data)
