"""What the references in declarations refer to: feature columns and their types."""

from __future__ import annotations

from collections.abc import Sequence

from ml_platform.core.errors import DeclarationCycle, ExpressionError
from ml_platform.core.expressions import Kind, parse_expression
from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.joins import joined_table, joins_of
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.population_columns import find_population_columns, required_columns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.source import ColumnType, SourceSpec


def expand_features(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the model's features as dotted columns, in declared order: ``table.*`` means all of a table's.

    A column that is named twice is kept at its first place.
    """
    expanded: dict[str, None] = {}
    for reference in model.features:
        owner, _, column = reference.partition(".")
        names = joined.table.columns if column == "*" and (joined := joined_table(spec, model, owner)) else [column]
        expanded.update(dict.fromkeys(f"{owner}.{name}" for name in names))
    return tuple(expanded)


def frame_columns(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the columns that the rows of the model's frame have: its features, then what its label reads of them."""
    return tuple(dict.fromkeys((*expand_features(spec, model), *model.label.references)))


def feature_tables_of(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the names of the feature tables that the model's rows meet."""
    return tuple(dict.fromkeys(joined.table.name for joined in joins_of(spec, model)))


def sources_of(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the names of the sources that a model is made from: population, label, those of its feature tables."""
    tables = (spec.feature_tables[name].source for name in feature_tables_of(spec, model))
    return tuple(dict.fromkeys((*model.population.sources, model.label.source, *tables)))


def population_columns(spec: ProjectSpec, model: ModelSpec) -> dict[str, ColumnType]:
    """Return the population's own columns, such as ``source.column``, with their types."""
    columns = required_columns(spec, model)
    return {f"{columns.name}.{name}": column.type for name, column in columns.columns.items()}


def column_types(source: SourceSpec) -> dict[str, ColumnType]:
    """Return the types of a source's columns, by their bare names."""
    return {name: column.type for name, column in source.columns.items()}


def feature_type(spec: ProjectSpec, dotted: str, model: ModelSpec | None = None) -> ColumnType:
    """Return the type of a feature ``table.column`` or of a population's column ``source.column``.

    Parameters
    ----------
    model
        The model whose joins, or own columns, the part before the dot may name.

    Raises
    ------
    KeyError
        Where nothing has this name.
    """
    owner, _, column = dotted.partition(".")
    if model is not None and owner in model.joins:
        owner = model.joins[owner].table
    if owner in spec.feature_tables:
        table = spec.feature_tables[owner]
        return _table_types(table, spec.sources[table.source], columns_needed(table, [column]))[column]
    population = find_population_columns(spec, model) if model is not None and owner == model.population.owner else None
    return (spec.sources[owner] if population is None else population).columns[column].type


def _table_types(table: FeatureTableSpec, source: SourceSpec, columns: Sequence[str]) -> dict[str, ColumnType]:
    types: dict[str, ColumnType] = {}
    for column in columns:
        feature = table.feature_of(column)
        text = feature.from_columns
        if text is None:
            types[column] = aggregate_type(table, feature, source)
        else:
            types[column] = _kept(table, text, parse_expression(text).check(types))
    return types


def columns_needed(table: FeatureTableSpec, columns: Sequence[str]) -> list[str]:
    """Return columns of a table with those that they are derived from, each after those that it needs.

    Raises
    ------
    DeclarationCycle
        Where a column is derived from itself.
    """
    needed: dict[str, None] = {}

    def visit(column: str, path: tuple[str, ...]) -> None:
        if column in path:
            raise DeclarationCycle([f"{table.name}.{item}" for item in (*path[path.index(column) :], column)])
        derived = table.feature_of(column).from_columns if column in table.columns else None
        for name in sorted(parse_expression(derived).names) if derived else ():
            visit(name, (*path, column))
        needed[column] = None

    for column in columns:
        visit(column, ())
    return list(needed)


def aggregate_type(table: FeatureTableSpec, feature: Feature, source: SourceSpec) -> ColumnType:
    """Return the type of the columns of a feature that aggregates rows."""
    return _kept(table, feature.expression or "", feature.kind(column_types(source)))


def _kept(table: FeatureTableSpec, text: str, kind: Kind) -> ColumnType:
    if kind == "duration" or kind == "null":
        raise ExpressionError(text, 0, f"a {kind} cannot be kept in {table.name}")
    return kind
