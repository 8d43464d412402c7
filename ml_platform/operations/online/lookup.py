"""Looking up one row of a model in the online store: what training would have read at the ticks that are published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from ml_platform.operations.online.sent_values import SentValues
from ml_platform.storage.online.description import Description
from ml_platform.storage.online.layout import Picker
from ml_platform.storage.online.record_keys import RecordKeys
from ml_platform.storage.online.store import View

KeyOf = Callable[[Mapping[str, Any]], bytes | None]


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
    values
        By the columns of the model's frame, ``alias.column`` and ``source.column``. Floats are NaN where they are null,
        other values None. Instants are datetimes in UTC.
    tables
        What was read of each feature table; nothing where columns are missing.
    missing
        The columns that neither the request brought nor the store knows; `values` are then not those of a row.
    row_read
        Whether columns that the request lacked come from a published row of the population.
    """

    values: dict[str, Any]
    tables: tuple[TableState, ...]
    missing: tuple[str, ...]
    row_read: bool


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
    """

    def __init__(self, spec: ProjectSpec, model: ModelSpec) -> None:
        needs = population_needs(spec, model)
        self.name, self.key_columns = model.name, needs.keys
        self.needed_columns, self.allowed_columns = needs.needed, needs.allowed
        self._sent_values = SentValues(model.name, needs)
        self._population_keys = population_record_keys(model, needs)
        self._groups = _groups(spec, model)
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
            self._bound = _Bound(self.name, view.description, self._groups, self._population_keys, self._sent_values)
            self._description = view.description
        values = self._sent_values.read(row)
        return self._bound.look_up(view, values, self._sent_values.missing(values), self._sent_values)


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
    keys: tuple[str, ...]
    names: tuple[str, ...]
    pick: Picker
    nothing: bytes
    states: tuple[tuple[int, tuple[TableState, TableState]], ...]


class _Bound:
    """The look-up of one model in content of one description."""

    def __init__(
        self,
        name: str,
        description: Description,
        groups: Sequence[_Group],
        population_key: RecordKeys,
        values: SentValues,
    ) -> None:
        self._name, self._described = name, description
        reads = [self._read(group) for group in groups]
        self._population_key = _key_of(population_key, values.keys)
        self._pick_population = self._population_picker(population_key, values.needed)
        self._stages = _stages(reads)

    def look_up(self, view: View, values: dict[str, Any], missing: Sequence[str], population: SentValues) -> LookedUp:
        """Return a row from the columns that a request brought."""
        read = False
        if missing and self._pick_population is not None and (key := self._population_key(values)) is not None:
            (record,) = view.get((key,))
            picked, known = self._pick_population(record) if record is not None else ([], (0,))
            if known[0]:
                values, missing, read = {**dict(zip(population.needed, picked, strict=True)), **values}, (), True
        if missing:
            return LookedUp(values, (), tuple(missing), False)
        states: list[TableState] = []
        for stage in self._stages:
            keys = [group.key_of(values) for group in stage]
            records = iter(view.get([key for key in keys if key is not None]))
            for group, key in zip(stage, keys, strict=True):
                record = next(records) if key is not None else None
                picked, known = group.pick(group.nothing if record is None else record)
                values.update(zip(group.names, picked, strict=True))
                states.extend([one[known[place]] for place, one in group.states])
        return LookedUp(values, tuple(states), (), read)

    def _read(self, group: _Group) -> _Read:
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
            (places[NodeName("feature_table", table)], self._states(alias, table))
            for alias, table in group.aliases.items()
        )
        return _Read(
            _key_of(group.record_keys, group.keys), group.keys, tuple(group.columns), pick, described.nothing, states
        )

    def _states(self, alias: str, table: str) -> tuple[TableState, TableState]:
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


def _key_of(record_keys: RecordKeys, columns: Sequence[str]) -> KeyOf:
    """Return what gives the key of a record from the columns of a row; None where one is null, or not there."""
    one = record_keys.one
    if len(columns) == 1 and "float" not in record_keys.types:
        (column,) = columns

        def of_one(row: Mapping[str, Any]) -> bytes | None:
            value = row.get(column)
            return None if value is None else one((value,))

        return of_one

    def of_all(row: Mapping[str, Any]) -> bytes | None:
        key = [row.get(column) for column in columns]
        return None if any(value is None or value != value for value in key) else one(key)

    return of_all


def _stages(reads: Sequence[_Read]) -> list[list[_Read]]:
    """Return groups that can be read at once, each stage after those that give it keys."""
    made = {name: place for place, read in enumerate(reads) for name in read.names}
    depth: list[int] = []
    for read in reads:
        before = [depth[made[name]] for name in read.keys if name in made]
        depth.append(max(before, default=-1) + 1)
    return [
        [read for read, at in zip(reads, depth, strict=True) if at == level]
        for level in range(max(depth, default=-1) + 1)
    ]
