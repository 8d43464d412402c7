"""The columns that the questions of a model bring themselves."""

from __future__ import annotations

from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.population import PopulationColumns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.source import SourceSpec


def find_population_columns(spec: ProjectSpec, model: ModelSpec) -> PopulationColumns | None:
    """Return the columns of a model's questions, or None where the declaration of their source or table is missing."""
    population = model.population
    node, source = population.node(spec.feature_tables), population_source(spec, model)
    key = spec.file.entities.get(population.entity, ())
    return None if node is None or source is None else population.columns_of(node, source, tuple(key))


def population_source(spec: ProjectSpec, model: ModelSpec) -> SourceSpec | None:
    """Return the source whose rows are the questions of a model, or from whose rows they follow."""
    node = model.population.node(spec.feature_tables)
    if node is None:
        return None
    return spec.sources.get(node.subject if node.kind == "source" else spec.feature_tables[node.subject].source)


def question_columns(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the columns of a model's frame that identify a question, also where its prediction time was moved."""
    columns = required_columns(spec, model)
    return (*(f"{columns.name}.{key}" for key in columns.key), *model.population.question_columns)


def required_columns(spec: ProjectSpec, model: ModelSpec) -> PopulationColumns:
    """Return the columns of a checked model's questions."""
    columns = find_population_columns(spec, model)
    assert columns is not None, f"the population of {model.name} has no columns"
    return columns
