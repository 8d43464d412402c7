"""The records of one kind, as training could read them at a moment, chunk by chunk.

They are those of all entities, or of the entities whose records can have changed since the last publication.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.engines import Engine
from ml_platform.features.known_entities import known_entities
from ml_platform.features.point_in_time import features_at
from ml_platform.operations.online.changes import basis_of, changed_keys
from ml_platform.operations.online.content import EntityContent, RowContent, TableContent, population_needs
from ml_platform.operations.online.decides import rows_until
from ml_platform.operations.online.entities import ARROW, KnownTo
from ml_platform.operations.online.newest_rows import newest_rows
from ml_platform.operations.online.ticks import published_tick
from ml_platform.project import Project
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.online.description import Description, EntityRecords, PublishedRows, PublishedTable
from ml_platform.storage.online.layout import Layout

VALUES_AT_ONCE = 40_000_000
"""So many values are in memory together, so that memory does not grow with the number of entities."""
_INSTANT = "_instant"
Described = tuple[EntityRecords, dict[str, PublishedTable], dict[str, PublishedRows]]


class ContentRecords:
    """Computes the records of one kind.

    Parameters
    ----------
    before
        What is published.

    Attributes
    ----------
    layout
        The place of each value in a record.
    nothing
        The record of an entity that no block knows; it is there once `chunks` was read.
    """

    nothing: bytes

    def __init__(
        self,
        project: Project,
        engine: Engine,
        content: EntityContent,
        inputs: Mapping[str, str],
        now: datetime,
        before: Description,
    ) -> None:
        self._project, self._engine, self._content, self._inputs, self._now = project, engine, content, inputs, now
        self._before, self.layout = before, Layout(content.blocks)
        self._rows_at = {item.model: rows_until(project, item, inputs, now) for item in content.rows}
        self._ticks = {item.name: published_tick(project, item.name, now) for item in content.tables}

    @cached_property
    def changed(self) -> pa.Table | None:
        """The keys of the entities whose records can differ from those that are published; None means all entities."""
        moments = {item.block.name: self._ticks[item.name] for item in self._content.tables}
        moments |= {item.block.name: self._rows_at[item.model] for item in self._content.rows}
        return changed_keys(self._project, self._engine, self._content, self._inputs, moments, self._before)

    def chunks(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield keys and records of entities that a block knows, in the order of keys; at least one pair of lists.

        Where only some entities `changed`, they are among these.
        """
        columns = sum(len(block.columns) for block in self._content.blocks)
        size = max(VALUES_AT_ONCE // columns, 1)
        for start in range(0, max(len(self._known), 1), size):
            yield self._chunk(start, min(size, len(self._known) - start))

    def described(self, count: int, replaced: Sequence[int]) -> Described:
        """Return the descriptions of all records of this kind, of each feature table, and of each population's rows.

        Parameters
        ----------
        count
            How many records there are.
        replaced
            Of each block, how many entities it knew of those that `changed`.
        """
        entities = [self._known.count(place) for place in range(len(self._content.blocks))]
        if self.changed is not None:
            tables = [self._before.tables[item.name].entities for item in self._content.tables]
            rows = [self._before.rows[item.model].entities for item in self._content.rows]
            before = zip([*tables, *rows], replaced, entities, strict=True)
            entities = [known - less + more for known, less, more in before]
        records = EntityRecords(
            entity=self._content.record_keys.entity,
            keys=self._content.keys,
            blocks=self._content.blocks,
            nothing=self.nothing,
            count=count,
            basis=basis_of(self._project, self._content, self._inputs),
        )
        of_tables = zip(self._content.tables, entities, strict=False)
        of_rows = zip(self._content.rows, entities[len(self._content.tables) :], strict=True)
        return (
            records,
            {item.name: self._table(item, known) for item, known in of_tables},
            {item.model: self._population(item, known) for item, known in of_rows},
        )

    def _table(self, item: TableContent, entities: int) -> PublishedTable:
        spec = self._project.spec.feature_tables[item.name]
        return PublishedTable(
            name=item.name,
            tick=self._ticks[item.name],
            artifact=self._inputs[item.node],
            published_at=to_micros(self._now),
            refresh=spec.refresh // MICROSECOND,
            publish_delay=spec.publish_delay // MICROSECOND,
            entities=entities,
        )

    def _population(self, item: RowContent, entities: int) -> PublishedRows:
        as_of, artifact = self._rows_at[item.model], self._inputs[item.node]
        return PublishedRows(model=item.model, as_of=as_of, artifact=artifact, entities=entities)

    @cached_property
    def _known(self) -> KnownTo:
        return KnownTo(self._content.keys, [*map(self._known_to, self._content.tables), *self._rows])

    def _known_to(self, item: TableContent) -> pa.Table:
        """Return the keys of the entities that a feature table knows, among those that changed."""
        keys, changed = list(self._content.keys), self.changed
        known = known_entities(self._project, [self._artifact(item)], keys, changed).at(self._instant(item))
        if changed is None:
            return known
        return known.select(keys).cast(changed.schema).join(changed, keys, join_type="left semi")

    @cached_property
    def _rows(self) -> list[pa.Table]:
        tables = []
        for item in self._content.rows:
            model, until = self._project.spec.models[item.model], self._rows_at[item.model]
            needs, artifact = population_needs(self._project.spec, model), self._artifact(item)
            tables.append(newest_rows(self._project, self._engine, model, needs, artifact, until, self.changed))
        return tables

    def _instant(self, item: TableContent) -> int:
        """Return the first instant at which training reads the tick that is published."""
        return self._ticks[item.name] + self._project.spec.feature_tables[item.name].publish_delay // MICROSECOND

    def _artifact(self, item: TableContent | RowContent) -> Artifact:
        return self._project.store.get(item.node.kind, self._inputs[item.node])

    def _chunk(self, start: int, size: int) -> tuple[list[bytes], list[bytes]]:
        """Return keys and records of some entities, and note the record of one that nothing knows."""
        keys = self._known.keys.slice(start, size)
        unknown = pa.table({name: pa.nulls(1, ARROW[kind]) for name, kind in self._content.keys.items()})
        asked = pa.concat_tables([keys, unknown])
        tables = [self._values(item, asked) for item in self._content.tables]
        first = len(tables)
        for place, rows in enumerate(self._rows):
            places = pa.concat_arrays([self._known.places(first + place, start, size), pa.nulls(1, pa.int64())])
            tables.append(rows.take(places))
        knows = [np.append(self._known.knows(block, start, size), False) for block in range(len(tables))]
        records = self.layout.encode(tables, knows)
        self.nothing = records.pop()
        return self._content.record_keys.many(keys.columns), records

    def _values(self, item: TableContent, asked: pa.Table) -> pa.Table:
        instant = pa.repeat(pa.scalar(self._instant(item), pa.int64()), len(asked))
        columns: Sequence[str] = list(item.block.columns)
        looked_up = features_at(
            self._project,
            self._engine,
            self._artifact(item),
            asked.append_column(_INSTANT, instant),
            keys={name: name for name in asked.column_names},
            instant=_INSTANT,
            columns=columns,
        )
        return pa.table({column: looked_up[f"{item.name}.{column}"] for column in columns})
