"""What the references in declarations stand for: feature columns and their types."""

from __future__ import annotations

from ml_platform.errors import ExpressionError
from ml_platform.expression import parse_expression
from ml_platform.spec.feature_table import Feature, FeatureTableSpec
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.project import ProjectSpec
from ml_platform.spec.source import ColumnType, SourceSpec


def expand_features(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the model's features as dotted columns, in declared order: ``table.*`` stands for all of a table's.

    A column that is named twice is kept where it stands first.
    """
    found: dict[str, None] = {}
    for reference in model.features:
        owner, _, column = reference.partition(".")
        names = table.columns if column == "*" and (table := spec.feature_tables.get(owner)) else [column]
        found.update(dict.fromkeys(f"{owner}.{name}" for name in names))
    return tuple(found)


def feature_tables_of(spec: ProjectSpec, model: ModelSpec) -> tuple[str, ...]:
    """Return the names of the feature tables that the model's features come from, in order of first use."""
    owners = (column.partition(".")[0] for column in expand_features(spec, model))
    return tuple(dict.fromkeys(owner for owner in owners if owner in spec.feature_tables))


def population_columns(spec: ProjectSpec, model: ModelSpec) -> dict[str, ColumnType]:
    """Return the columns of the population's source as ``source.column``, with their types."""
    source = model.population.source
    return {f"{source}.{name}": column.type for name, column in spec.sources[source].columns.items()}


def column_types(source: SourceSpec) -> dict[str, ColumnType]:
    """Return the types of a source's columns, by their bare names."""
    return {name: column.type for name, column in source.columns.items()}


def feature_type(spec: ProjectSpec, dotted: str) -> ColumnType:
    """Return the type of a feature ``table.column`` or of a population's column ``source.column``.

    Raises
    ------
    KeyError
        Where nothing has this name.
    """
    owner, _, column = dotted.partition(".")
    if owner in spec.feature_tables:
        table = spec.feature_tables[owner]
        return aggregate_type(table, table.features[table.columns[column][0]], spec.sources[table.source])
    return spec.sources[owner].columns[column].type


def aggregate_type(table: FeatureTableSpec, feature: Feature, source: SourceSpec) -> ColumnType:
    """Return the type of a feature's columns.

    Counts are int; means, deviations, shares and times since the last row are float; sums, extremes
    and last values have their expression's type, where a sum of bool is int.
    """
    if feature.aggregate == "count":
        return "int"
    if feature.aggregate in ("mean", "std", "share", "time_since_last"):
        return "float"
    kind = parse_expression(feature.expression or "").check(column_types(source))
    if feature.aggregate == "sum" and kind == "bool":
        return "int"
    if kind == "duration" or kind == "null":
        raise ExpressionError(feature.expression or "", 0, f"a {kind} cannot be kept in {table.name}")
    return kind
