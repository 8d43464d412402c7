"""Who is in the population of each online model: what its batch run of the last tick chooses, published by entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import format_duration, from_micros, to_micros
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.datasets.membership import NOT_ASKING, population_reasons
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.joins import joins_through
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.online.content import (
    PopulationNeeds,
    online_models,
    population_needs,
    population_record_keys,
)
from ml_platform.operations.online.row_keys import key_of
from ml_platform.operations.predictions.due import read_until
from ml_platform.project import Project
from ml_platform.sources.source_log import known_by
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.online.description import Description, EntityRecords, PublishedPopulation
from ml_platform.storage.online.layout import Block, Layout, Picker
from ml_platform.storage.online.record_keys import RecordKeys
from ml_platform.storage.online.store import View

_VERSION = 1
"""Of the code that decides who is in a population: after another one, all records are made once more."""
_REASON = "reason"
_AT_ONCE = 500_000
NOT_PUBLISHED = "not_published"
"""Why it is open whether an entity is in a population: nothing was published since it became online."""


class Membership(NamedTuple):
    """Whether an entity is in a population at a tick, and why not; None where it is not published.

    Attributes
    ----------
    reason
        A key of `ml_platform.datasets.membership.WHY_NOT`, or `NOT_PUBLISHED`; "" where it is in the population.
    tick
        The batch run whose choice this is, as text.
    """

    in_population: bool | None
    reason: str
    tick: str | None


@dataclass
class PopulationRecords:
    """The records of one model's population.

    Attributes
    ----------
    tick
        The last batch run after which all that it reads was read, in microseconds since 1970 UTC.
    entities
        How many entities are in the population, once `chunks` was read.
    """

    project: Project
    model: ModelSpec
    inputs: Mapping[str, str]
    tick: int
    entities: int = 0

    @classmethod
    def of(cls, project: Project, model: ModelSpec, inputs: Mapping[str, str], now: datetime) -> PopulationRecords:
        """Return the records that can be published at a moment."""
        tick = model.batch.last(read_until(project, model.name, now))
        return cls(project, model, inputs, to_micros(tick))

    @cached_property
    def record_keys(self) -> RecordKeys:
        """How its records are called."""
        return population_keys(self.model, self._needs)

    @cached_property
    def key(self) -> str:
        """What decides the records: equal keys, equal records.

        That is the declaration, the tick, and the rows that were known at the tick: later ones change nothing.
        """
        spec, model = self.project.spec, self.model
        tables = {
            joined.table.name: self._of_table(joined.table.name)
            for joined in joins_through(spec, model, model.population.references)
        }
        sources = {name: self._known_of(self.inputs[NodeName("source", name)]) for name in model.population.sources}
        late = [model.deployment.late_rows, format_duration(model.label.horizon)]
        declared = [deciding(model.population), deciding(model.joins), model.batch.text, late]
        return content_id([_VERSION, self.record_keys.kind, self.tick, declared, tables, sources])

    def chunks(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield keys and records of all entities about which something asks."""
        rows = population_reasons(self.project, self.model.name, self.inputs, from_micros(self.tick))
        self.entities = int(pc.sum(pc.equal(rows[_REASON], "")).as_py() or 0)
        for start in range(0, max(len(rows), 1), _AT_ONCE):
            some = rows.slice(start, _AT_ONCE)
            keys = self.record_keys.many(some.select(list(self._needs.keys)).columns)
            yield keys, self._layout.encode([some], [np.ones(len(some), bool)])

    def described(self, count: int) -> tuple[EntityRecords, PublishedPopulation]:
        """Return the description of the records, after they were made, and of the population."""
        (nothing,) = self._layout.encode([pa.table({_REASON: [NOT_ASKING]})], [np.zeros(1, bool)])
        records = EntityRecords(
            entity=self.record_keys.entity,
            keys=dict(zip(self._needs.keys, self.record_keys.types, strict=True)),
            blocks=self._layout.blocks,
            nothing=nothing,
            count=count,
            model=self.model.name,
        )
        published = PublishedPopulation(
            model=self.model.name, tick=self.tick, key=self.key, kind=self.record_keys.kind, entities=self.entities
        )
        return records, published

    @cached_property
    def _needs(self) -> PopulationNeeds:
        return population_needs(self.project.spec, self.model)

    @cached_property
    def _layout(self) -> Layout:
        return Layout([Block(_block(self.model), {_REASON: "string"})])

    def _of_table(self, name: str) -> list[Any]:
        artifact = self.project.store.get("feature_table", self.inputs[NodeName("feature_table", name)])
        declared, source = FeatureTableManifest.of(artifact).declared, artifact.inputs.get("source")
        if declared is None or source is None:
            return [artifact.id]
        return [content_id(declared), self._known_of(source)]

    def _known_of(self, source: str) -> str:
        return known_by(self.project.store.get("source", source), from_micros(self.tick))


def populations_online(project: Project, inputs: Mapping[str, str], now: datetime) -> list[PopulationRecords]:
    """Return the records of the population of each online model that can be published at a moment."""
    return [PopulationRecords.of(project, model, inputs, now) for model in online_models(project.spec)]


def population_keys(model: ModelSpec, needs: PopulationNeeds) -> RecordKeys:
    """Return how the records are called that show who is in a model's population."""
    entity = population_record_keys(model, needs)
    return RecordKeys(entity.entity, entity.types, model.name)


class PopulationLookup:
    """Looks up whether entities are in the population of one model."""

    def __init__(self, spec: ProjectSpec, model: ModelSpec) -> None:
        self._model, needs = model, population_needs(spec, model)
        self._record_keys = population_keys(model, needs)
        self._key_of = key_of(self._record_keys, range(len(needs.keys)))
        self._description: Description | None = None
        self._tick: str | None = None
        self._pick: Picker | None = None

    def look_up(self, view: View, keys: Sequence[Sequence[Any]]) -> list[Membership]:
        """Return for each entity's key whether it is in the population at the tick that is published."""
        if view.description is not self._description:
            self._bind(view.description)
        if self._pick is None:
            return [Membership(None, NOT_PUBLISHED, None)] * len(keys)
        named = [self._key_of(key) for key in keys]
        records = iter(view.get([key for key in named if key is not None]))
        return [self._membership(None if key is None else next(records)) for key in named]

    def _membership(self, record: Any) -> Membership:
        assert self._pick is not None
        reason = NOT_ASKING if record is None else self._pick(record)[0][0]
        return Membership(reason == "", reason, self._tick)

    def _bind(self, description: Description) -> None:
        self._description, self._pick, self._tick = description, None, None
        published = description.populations.get(self._model.name)
        if published is not None and published.kind == self._record_keys.kind:
            self._pick = description.records[published.kind].layout.picker([(_block(self._model), _REASON)])
            self._tick = format_instant(from_micros(published.tick))


def _block(model: ModelSpec) -> str:
    return f"populations/{model.name}"
