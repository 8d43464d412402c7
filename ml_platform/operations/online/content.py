"""What the online store holds for a project: its models that answer requests, by entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_platform.core.hashing import content_id
from ml_platform.declarations.joins import Joined, joins_through
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of, feature_type
from ml_platform.declarations.source import ColumnType
from ml_platform.models.fit_inputs import inputs_of
from ml_platform.storage.online.layout import Block
from ml_platform.storage.online.record_keys import RecordKeys


@dataclass(frozen=True)
class TableContent:
    """A feature table in the records of its entity; its block is called like its node: ``features/NAME``."""

    name: str
    block: Block

    @property
    def node(self) -> NodeName:
        """Where its values come from."""
        return NodeName("feature_table", self.name)


@dataclass(frozen=True)
class RowContent:
    """The newest rows of a model's population in the records of its entity; the block is called ``models/NAME``."""

    model: str
    source: str
    block: Block

    @property
    def node(self) -> NodeName:
        """Where they come from."""
        return NodeName("source", self.source)


@dataclass(frozen=True)
class EntityContent:
    """All that one record of an entity holds."""

    record_keys: RecordKeys
    keys: dict[str, ColumnType]
    tables: tuple[TableContent, ...]
    rows: tuple[RowContent, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of its record, in order."""
        return (*(item.block for item in self.tables), *(item.block for item in self.rows))

    @property
    def nodes(self) -> tuple[NodeName, ...]:
        """The nodes that the blocks come from, in the same order."""
        return (*(item.node for item in self.tables), *(item.node for item in self.rows))


@dataclass(frozen=True)
class PopulationNeeds:
    """The columns of its population that a model needs when it answers.

    Attributes
    ----------
    name
        The part before the dot in their names.
    keys
        The key of its entity.
    needed
        The type of each column that must be known, the keys among them.
    allowed
        The type of each column that a request may bring.
    source
        The source that has them; None where a request can bring nothing but the key.
    """

    name: str
    keys: tuple[str, ...]
    needed: dict[str, ColumnType]
    allowed: dict[str, ColumnType]
    source: str | None


def online_models(spec: ProjectSpec) -> list[ModelSpec]:
    """Return the models that answer requests."""
    return [model for model in spec.models.values() if model.deployment.online is not None]


def input_names(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the columns of its frame that a model's predictor needs, ``table.column`` or ``source.column``."""
    return tuple(column.name for column in inputs_of(spec, model, model.algorithm) if "." in column.name)


def joins_online(spec: ProjectSpec, model: ModelSpec) -> tuple[Joined, ...]:
    """Return the feature tables that a request to a model meets, each after those that give it keys."""
    return joins_through(spec, model, [*input_names(spec, model), *model.population.references])


def population_needs(spec: ProjectSpec, model: ModelSpec) -> PopulationNeeds:
    """Return the columns of its population that a model needs when it answers."""
    population = required_columns(spec, model)
    keys = tuple(spec.file.entities[model.population.entity])
    dotted = [*input_names(spec, model), *(name for join in joins_online(spec, model) for name in join.keys.values())]
    names = [
        *keys,
        *(column for owner, _, column in (name.partition(".") for name in dotted) if owner == population.name),
    ]
    allowed = {name: column.type for name, column in population.columns.items()}
    source = population.node.subject if population.node.kind == "source" else None
    return PopulationNeeds(
        population.name, keys, {name: allowed[name] for name in dict.fromkeys(names)}, allowed, source
    )


def table_record_keys(spec: ProjectSpec, table: str) -> RecordKeys:
    """Return how the records are called that hold a feature table."""
    declared = spec.feature_tables[table]
    columns = spec.sources[declared.source].columns
    return RecordKeys(declared.entity, tuple(columns[key].type for key in spec.file.entities[declared.entity]))


def population_record_keys(model: ModelSpec, needs: PopulationNeeds) -> RecordKeys:
    """Return how the records are called that hold the rows of a model's population."""
    return RecordKeys(model.population.entity, tuple(needs.allowed[key] for key in needs.keys))


def contents_of(spec: ProjectSpec) -> tuple[EntityContent, ...]:
    """Return what the online store holds, one item for each kind of record; nothing where no model is online.

    Of each feature table that an online model meets, all columns. Of each online model whose population is rows of a
    source, the columns that it needs.
    """
    kinds: dict[RecordKeys, tuple[dict[str, TableContent], dict[str, RowContent]]] = {}
    for model in online_models(spec):
        for name in feature_tables_of(spec, model):
            tables, _ = kinds.setdefault(table_record_keys(spec, name), ({}, {}))
            tables[name] = TableContent(name, _table_block(spec, name))
        needs = population_needs(spec, model)
        if needs.source is not None:
            _, rows = kinds.setdefault(population_record_keys(model, needs), ({}, {}))
            rows[model.name] = RowContent(model.name, needs.source, Block(f"models/{model.name}", needs.needed))
    return tuple(_entity(spec, keys, tables, rows) for keys, (tables, rows) in sorted(kinds.items(), key=_by_kind))


def inputs_needed(spec: ProjectSpec, contents: Sequence[EntityContent]) -> tuple[NodeName, ...]:
    """Return the nodes whose artifacts are published: feature tables, and the sources that populations read."""
    sources = {NodeName("source", name) for model in online_models(spec) for name in model.population.sources}
    return tuple(sorted(sources | {node for content in contents for node in content.nodes}))


def _by_kind(item: tuple[RecordKeys, object]) -> str:
    return item[0].kind


def _entity(
    spec: ProjectSpec, keys: RecordKeys, tables: dict[str, TableContent], rows: dict[str, RowContent]
) -> EntityContent:
    names = dict(zip(spec.file.entities[keys.entity], keys.types, strict=True))
    by_name = tuple(tables[name] for name in sorted(tables))
    return EntityContent(keys, names, by_name, tuple(rows[name] for name in sorted(rows)))


def _table_block(spec: ProjectSpec, name: str) -> Block:
    types = {column: feature_type(spec, f"{name}.{column}") for column in spec.feature_tables[name].columns}
    return Block(str(NodeName("feature_table", name)), types)


def tables_of(contents: Sequence[EntityContent]) -> list[str]:
    """Return the names of the feature tables, in order."""
    return sorted(item.name for content in contents for item in content.tables)


def layout_id(contents: Sequence[EntityContent]) -> str:
    """Return the id of a layout: of the kinds of records, their blocks and types, in order."""
    described = [
        [
            item.record_keys.kind,
            list(item.keys),
            [[block.name, *map(list, block.columns.items())] for block in item.blocks],
        ]
        for item in contents
    ]
    return content_id(described)
