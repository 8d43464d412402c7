"""Where columns come from: each with the (node, column) pairs that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.derived_query import KNOWN_COLUMN, lineage_of
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.joins import joined_table
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import column_types, columns_needed, expand_features
from ml_platform.declarations.source import SourceSpec

Origins = Mapping[str, tuple[tuple[str, str], ...]]
"""For each column, the nodes and their columns that it is made of."""


def source_lineage(spec: ProjectSpec, source: SourceSpec) -> Origins:
    """Return where the columns of a source come from, where the platform knows: predictions, or other sources."""
    model = source.reader.model
    if source.reader.inputs:
        return _derived_lineage(spec, source)
    return {} if model is None else {name: _of(NodeName("predictions", model), [name]) for name in source.columns}


def _derived_lineage(spec: ProjectSpec, source: SourceSpec) -> Origins:
    """Return where the columns of a derived source come from; known-at follows from that of all inputs."""
    types = {name: column_types(other) for name, other in spec.sources.items()}
    columns = lineage_of(source.reader.value, types)
    origins = {
        name: tuple((NodeName("source", origin), column) for origin, column in columns[name])
        for name in source.columns
        if name in columns
    }
    inputs = [spec.sources[name] for name in source.reader.inputs]
    times = [(NodeName("source", item.name), item.known_at.column or item.event_timestamp) for item in inputs]
    return {**origins, KNOWN_COLUMN: tuple(times)}


def feature_lineage(spec: ProjectSpec, table: FeatureTableSpec) -> Origins:
    """Return where the columns of a feature table come from: its source's columns."""
    source = spec.sources[table.source]
    key = spec.file.entities[table.entity]
    columns = {name: _read_by(table, name) for name in table.columns}
    origins = {
        name: _of(NodeName("source", table.source), [*read, source.event_timestamp]) for name, read in columns.items()
    }
    return {name: _of(NodeName("source", table.source), [name]) for name in key} | origins


def _read_by(table: FeatureTableSpec, column: str) -> list[str]:
    """Return the source's columns that a column reads, also through those that it is derived from."""
    features = [table.feature_of(name) for name in columns_needed(table, [column])]
    read = [text for feature in features for text in (*feature.expressions.values(), feature.where)]
    texts = [text for text in (*read, table.where) if text is not None]
    return sorted({name for text in texts for name in parse_expression(text).names})


def snapshot_lineage(spec: ProjectSpec, model: ModelSpec) -> Origins:
    """Return where the columns of a model's training frame come from: feature tables, population, label."""
    population = required_columns(spec, model)
    features = {name: (_owner(spec, model, name),) for name in expand_features(spec, model)}
    return {
        **{name: _of(population.node, [name]) for name in spec.file.entities[model.population.entity]},
        "prediction_time": _of(population.node, model.population.time_columns),
        "label": _label_origins(spec, model),
        **features,
    }


def _label_origins(spec: ProjectSpec, model: ModelSpec) -> tuple[tuple[str, str], ...]:
    """Return the columns of its source and of its question that a label reads; one column can be both."""
    read = _of(NodeName("source", model.label.source), sorted(model.label.reads))
    return tuple(dict.fromkeys([*read, *(_owner(spec, model, name) for name in model.label.references)]))


def _owner(spec: ProjectSpec, model: ModelSpec, dotted: str) -> tuple[str, str]:
    owner, _, column = dotted.partition(".")
    joined = joined_table(spec, model, owner)
    return (NodeName("feature_table", joined.table.name) if joined else required_columns(spec, model).node, column)


def _of(node: str, columns: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((node, column) for column in dict.fromkeys(columns))
