"""The columns that the questions of a model bring themselves."""

from __future__ import annotations

from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.population import PopulationColumns
from ml_platform.declarations.project import ProjectSpec


def find_population_columns(spec: ProjectSpec, model: ModelSpec) -> PopulationColumns | None:
    """Return the columns of a model's questions, or None where the declaration of their source or table is missing."""
    population = model.population
    node = population.node(spec.feature_tables)
    if node is None:
        return None
    named = node.subject if node.kind == "source" else spec.feature_tables[node.subject].source
    source, key = spec.sources.get(named), spec.file.entities.get(population.entity, ())
    return None if source is None else population.columns_of(node, source, tuple(key))


def question_columns(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the columns of a model's frame that identify a question, also where its prediction time was moved."""
    columns = required_columns(spec, model)
    return (*(f"{columns.name}.{key}" for key in columns.key), *model.population.question_columns)


def required_columns(spec: ProjectSpec, model: ModelSpec) -> PopulationColumns:
    """Return the columns of a checked model's questions."""
    columns = find_population_columns(spec, model)
    assert columns is not None, f"the population of {model.name} has no columns"
    return columns
