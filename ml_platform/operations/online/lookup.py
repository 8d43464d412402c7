"""Looking up one row of a model in the online store: what training would have read at the ticks that are published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_platform.core.errors import OnlineStoreUnavailable, listed
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.online.content import (
    input_names,
    joins_online,
    population_needs,
    population_record_keys,
    table_record_keys,
)
from ml_platform.operations.online.row_keys import KeyOf, key_of
from ml_platform.operations.online.sent_values import SentValues
from ml_platform.storage.online.description import Description
from ml_platform.storage.online.layout import Picker
from ml_platform.storage.online.record_keys import RecordKeys
from ml_platform.storage.online.store import View

_MOST_KNOWN = 1024
"""Combinations of tables that know an entity whose states are kept."""


class TableState(NamedTuple):
    """What a row read of one feature table.

    Attributes
    ----------
    alias
        The part before the dot in the names of its features.
    tick
        The refresh tick that was read, in microseconds since 1970 UTC.
    has_history
        Whether the table knew the entity at that tick.
    """

    alias: str
    table: str
    tick: int
    has_history: bool


class LookedUp(NamedTuple):
    """One row of a model.

    Attributes
    ----------
    sent
        What the request brought, by the columns of the model's frame, ``source.column``.
    names, cells
        All columns of the model's frame, ``alias.column`` and ``source.column``, always in the same order, with their
        values: floats are NaN where they are null, others None, and instants are datetimes in UTC. Nothing where
        columns are missing.
    tables
        What was read of each feature table; nothing where columns are missing.
    missing
        The columns that neither the request brought nor the store knows.
    row_read
        Whether columns that the request lacked come from a published row of the population.
    """

    sent: dict[str, Any]
    names: tuple[str, ...]
    cells: list[Any]
    tables: tuple[TableState, ...]
    missing: tuple[str, ...]
    row_read: bool

    @property
    def values(self) -> dict[str, Any]:
        """All that is known of the row, by column."""
        return {**self.sent, **dict(zip(self.names, self.cells, strict=True))}


class ModelLookup:
    """Looks up the rows of one model.

    Attributes
    ----------
    key_columns
        The key of its entity: what a request brings at least.
    needed_columns
        The type of each column of its population that it needs, by its bare name, the key among them: features, keys
        of feature tables, columns of payoffs.
    allowed_columns
        The type of each column that a request may bring.
    names
        The columns of what it looks up, in order.
    """

    def __init__(self, spec: ProjectSpec, model: ModelSpec) -> None:
        needs = population_needs(spec, model)
        self.name, self.key_columns = model.name, needs.keys
        self.needed_columns, self.allowed_columns = needs.needed, needs.allowed
        self._sent_values = SentValues(model.name, needs)
        self.read_key = self._sent_values.read_key
        self._population_keys = population_record_keys(model, needs)
        self._stages = _stages(_groups(spec, model))
        groups = [group for stage in self._stages for group in stage]
        self.names = (*self._sent_values.needed, *(name for group in groups for name in group.columns))
        self._description: Description | None = None
        self._bound: _Bound

    def look_up(self, view: View, row: Mapping[str, Any]) -> LookedUp:
        """Return the row about which a request asks.

        Parameters
        ----------
        view
            Of the online store: all is read from the same content.
        row
            The entity's key, and other columns of the population, by their bare names. What is not there is taken from
            the newest row that is published.

        Raises
        ------
        OnlineRequestFault
            Where a column is not the population's, has another type, or a key is null.
        OnlineStoreUnavailable
            Where the store does not hold what the model needs.
        """
        if view.description is not self._description:
            self._bound = _Bound(
                self.name, view.description, self.names, self._stages, self._population_keys, self._sent_values
            )
            self._description = view.description
        return self._bound.look_up(view, self._sent_values.read(row))


class _Group(NamedTuple):
    """Feature tables that are read from one record: of one entity, by the same columns.

    Attributes
    ----------
    keys
        The columns of the frame that hold the entity's key.
    columns
        For each column of the frame the block and the column in the record.
    aliases
        The aliases with their tables.
    """

    record_keys: RecordKeys
    keys: tuple[str, ...]
    columns: dict[str, tuple[str, str]]
    aliases: dict[str, str]


def _groups(spec: ProjectSpec, model: ModelSpec) -> tuple[_Group, ...]:
    """Return what a row of a model reads, each after what gives it keys."""
    joins, groups = joins_online(spec, model), dict[tuple[str, tuple[str, ...]], _Group]()
    wanted = [
        *input_names(spec, model),
        *model.population.references,
        *(name for join in joins for name in join.keys.values()),
    ]
    for join in joins:
        record_keys = table_record_keys(spec, join.table.name)
        keys = tuple(join.keys[key] for key in spec.file.entities[join.table.entity])
        group = groups.setdefault((record_keys.kind, keys), _Group(record_keys, keys, {}, {}))
        block = NodeName("feature_table", join.table.name)
        for name in wanted:
            owner, _, column = name.partition(".")
            if owner == join.alias:
                group.columns[name] = (block, column)
        group.aliases[join.alias] = join.table.name
    return tuple(groups.values())


class _Read(NamedTuple):
    """A group as one description lays it out."""

    key_of: KeyOf
    pick: Picker
    nothing: bytes
    states: tuple[tuple[int, tuple[TableState, TableState]], ...]


class _Bound:
    """The look-up of one model in content of one description."""

    def __init__(
        self,
        name: str,
        description: Description,
        names: tuple[str, ...],
        stages: Sequence[Sequence[_Group]],
        population_key: RecordKeys,
        values: SentValues,
    ) -> None:
        self._name, self._described, self._names, self._sent = name, description, names, values
        self._population_key = key_of(population_key, range(len(values.keys)))
        self._pick_population = self._population_picker(population_key, values.needed)
        places = {name: place for place, name in enumerate(names)}
        self._stages = [[self._read(group, places) for group in stage] for stage in stages]
        self._states: dict[tuple[int, ...], tuple[TableState, ...]] = {}

    def look_up(self, view: View, sent: dict[str, Any]) -> LookedUp:
        """Return a row from the columns that a request brought."""
        values, missing, read = sent, self._sent.missing(sent), False
        if missing and (row := self._population_row(view, sent)):
            values, missing, read = {**row, **sent}, (), True
        if missing:
            return LookedUp(sent, (), [], (), tuple(missing), False)
        cells = [values[name] for name in self._sent.needed]
        knows: tuple[int, ...] = ()
        for stage in self._stages:
            keys = [group.key_of(cells) for group in stage]
            records = view.get([key for key in keys if key is not None])
            if None in keys:
                present = iter(records)
                records = [None if key is None else next(present) for key in keys]
            for group, record in zip(stage, records, strict=True):
                picked, known = group.pick(group.nothing if record is None else record)
                cells += picked
                knows += known
        states = self._states.get(knows) or self._states_of(knows)
        return LookedUp(sent, self._names, cells, states, (), read)

    def _population_row(self, view: View, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the needed columns of the entity's newest published row; nothing where there is none."""
        key = self._population_key([sent.get(name) for name in self._sent.keys])
        if key is None or self._pick_population is None:
            return {}
        (record,) = view.get((key,))
        picked, known = self._pick_population(record) if record is not None else ([], (0,))
        return dict(zip(self._sent.needed, picked, strict=True)) if known[0] else {}

    def _states_of(self, knows: tuple[int, ...]) -> tuple[TableState, ...]:
        """Return what was read of each table where some of the blocks that were read know the entity."""
        states, at = list[TableState](), 0
        for read in (read for stage in self._stages for read in stage):
            states.extend([one[knows[at + place]] for place, one in read.states])
            at += len(read.pick.blocks)
        if len(self._states) < _MOST_KNOWN:
            self._states[knows] = tuple(states)
        return tuple(states)

    def _read(self, group: _Group, order: Mapping[str, int]) -> _Read:
        described = self._described.records.get(group.record_keys.kind)
        lacking = [table for table in group.aliases.values() if table not in self._described.tables]
        if described is None or lacking:
            raise self._unpublished(f"feature tables {listed(lacking or group.aliases.values())}")
        try:
            pick = described.layout.picker(list(group.columns.values()))
        except KeyError as error:
            raise self._unpublished(f"column {error.args[0]} of {listed(group.aliases.values())}") from None
        places = {block: place for place, block in enumerate(pick.blocks)}
        states = tuple(
            (places[NodeName("feature_table", table)], self._states_of_table(alias, table))
            for alias, table in group.aliases.items()
        )
        of_row = key_of(group.record_keys, [order[name] for name in group.keys])
        return _Read(of_row, pick, described.nothing, states)

    def _states_of_table(self, alias: str, table: str) -> tuple[TableState, TableState]:
        """Return the states of a table that does not know the entity, and of one that does."""
        tick = self._described.tables[table].tick
        return TableState(alias, table, tick, False), TableState(alias, table, tick, True)

    def _population_picker(self, record_keys: RecordKeys, needed: Sequence[str]) -> Picker | None:
        """Return what reads the population's row from a record; None where no rows are published for the model."""
        described = self._described.records.get(record_keys.kind)
        if described is None or self._name not in self._described.rows:
            return None
        block = f"models/{self._name}"
        try:
            return described.layout.picker([(block, name.partition(".")[2]) for name in needed])
        except KeyError as error:
            raise self._unpublished(f"column {error.args[0]} of its rows") from None

    def _unpublished(self, what: str) -> OnlineStoreUnavailable:
        return OnlineStoreUnavailable(
            f"{self._name}: the online store does not hold {what}. Run `ml-platform run`: it publishes what the "
            "declaration of an online model needs."
        )


def _stages(groups: Sequence[_Group]) -> list[list[_Group]]:
    """Return groups that can be read at once, each stage after those that give it keys."""
    made = {name: place for place, group in enumerate(groups) for name in group.columns}
    depth: list[int] = []
    for group in groups:
        before = [depth[made[name]] for name in group.keys if name in made]
        depth.append(max(before, default=-1) + 1)
    return [
        [group for group, at in zip(groups, depth, strict=True) if at == level]
        for level in range(max(depth, default=-1) + 1)
    ]
