"""How a model's rows lead to entities of feature tables: by the population's own columns, or through another entity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml_platform.core.errors import DeclarationCycle
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec


@dataclass(frozen=True)
class Joined:
    """A feature table as one model's rows meet it.

    Attributes
    ----------
    alias
        The part before the dot in the names of its features: the table's name, or one of the model's ``joins``.
    keys
        For each key column of the table's entity the column that holds it: ``source.column`` of the population, or
        ``alias.column`` of another feature table.
    """

    alias: str
    table: FeatureTableSpec
    keys: Mapping[str, str]

    def through(self, population: str) -> tuple[str, ...]:
        """Return the aliases of the tables that give it keys."""
        owners = (column.partition(".")[0] for column in self.keys.values())
        return tuple(dict.fromkeys(owner for owner in owners if owner != population))


def joined_table(spec: ProjectSpec, model: ModelSpec, alias: str) -> Joined | None:
    """Return the feature table that an alias refers to in a model, or None where it refers to none."""
    population = model.population.owner
    if alias in model.joins:
        join = model.joins[alias]
        if join.table not in spec.feature_tables:
            return None
        keys = {key: name if "." in name else f"{population}.{name}" for key, name in join.keys.items()}
        return Joined(alias, spec.feature_tables[join.table], keys)
    if alias not in spec.feature_tables:
        return None
    table = spec.feature_tables[alias]
    return Joined(alias, table, {key: f"{population}.{key}" for key in spec.file.entities.get(table.entity, ())})


def joins_of(spec: ProjectSpec, model: ModelSpec) -> tuple[Joined, ...]:
    """Return every feature table that a model's rows meet, each after those that give it keys.

    These are the tables of its features, those that decide who is asked about, and those that the label reads.

    Raises
    ------
    DeclarationCycle
        Where tables give each other their keys.
    """
    return joins_through(spec, model, [*model.features, *model.population.references, *model.label.references])


def joins_through(spec: ProjectSpec, model: ModelSpec, references: Iterable[str]) -> tuple[Joined, ...]:
    """Return the feature tables that some columns ``table.column`` come from, each after those that give it keys."""
    by_alias: dict[str, Joined] = {}

    def visit(alias: str, path: tuple[str, ...]) -> None:
        if alias in path:
            raise DeclarationCycle([f"{model.name}.joins.{item}" for item in (*path[path.index(alias) :], alias)])
        joined = joined_table(spec, model, alias)
        if joined is None or alias in by_alias:
            return
        for owner in joined.through(model.population.owner):
            visit(owner, (*path, alias))
        by_alias[alias] = joined

    for reference in references:
        visit(reference.partition(".")[0], ())
    return tuple(by_alias.values())
