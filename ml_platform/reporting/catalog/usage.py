"""Which declarations use which sources, tables and columns: from the declarations alone."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.joins import joined_table, joins_of, joins_through
from ml_platform.declarations.lineage import Origins, feature_lineage, snapshot_lineage, source_lineage
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.populations.population import PopulationColumns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features
from ml_platform.models.decision import Decision
from ml_platform.reporting.catalog.node_facts import Link, Use


def users_of(spec: ProjectSpec, used: Link) -> tuple[Use, ...]:
    """Return the derived sources, feature tables and models that use a source or a feature table, and what as."""
    derived = [
        Use(Link("sources", name), "its rows")
        for name, source in spec.sources.items()
        if used in [Link("sources", item) for item in source.reader.inputs]
    ]
    tables = [
        Use(Link("features", name), "its rows")
        for name, table in spec.feature_tables.items()
        if used == Link("sources", table.source)
    ]
    models = [Use(Link("models", name), ", ".join(_roles(spec, model, used))) for name, model in spec.models.items()]
    return (*derived, *tables, *(use for use in models if use.role))


def _roles(spec: ProjectSpec, model: ModelSpec, used: Link) -> Iterator[str]:
    tables = joins_through(spec, model, model.population.references)
    deciding = [Link("features", joined.table.name) for joined in tables]
    if used in [*(Link("sources", name) for name in model.population.sources), *deciding]:
        yield "population"
    if used == Link("sources", model.label.source):
        yield "label"
    origins = feature_origins(spec, model).values()
    count = len({link.column for link in origins if (link.kind, link.name) == (used.kind, used.name)})
    if count:
        yield f"{count} feature{'s' if count > 1 else ''}"
    reached = [alias for alias, links in key_origins(spec, model).items() if used in map(_whole, links)]
    if reached and used.kind == "features":
        yield f"keys of {', '.join(reached)}"


def _whole(link: Link) -> Link:
    return Link(link.kind, link.name)


def feature_origins(spec: ProjectSpec, model: ModelSpec) -> dict[str, Link]:
    """Return the column that each of a model's features comes from, by the name that the model's frame has for it."""
    lineage = snapshot_lineage(spec, model)
    return {name: link_of(*lineage[name][0]) for name in expand_features(spec, model)}


def reference_origin(spec: ProjectSpec, model: ModelSpec, reference: str) -> Link:
    """Return the column that a reference ``table.column`` of a model refers to."""
    owner, _, column = reference.partition(".")
    return _of(spec, model, required_columns(spec, model), owner, column)


def key_origins(spec: ProjectSpec, model: ModelSpec) -> dict[str, tuple[Link, ...]]:
    """Return the columns that lead a model's rows to each feature table, by the name that it has in the model."""
    population = required_columns(spec, model)
    origins = {}
    for joined in joins_of(spec, model):
        pairs = (name.split(".", 1) for name in joined.keys.values())
        origins[joined.alias] = tuple(_of(spec, model, population, owner, column) for owner, column in pairs)
    return origins


def _of(spec: ProjectSpec, model: ModelSpec, population: PopulationColumns, owner: str, column: str) -> Link:
    through = joined_table(spec, model, owner) if owner != population.name else None
    if through:
        return Link("features", through.table.name, column)
    node = population.node
    table = spec.feature_tables.get(node.subject) if node.kind == "feature_table" else None
    return link_of(node, column) if table is None else Link("sources", table.source, column)


def column_readers(spec: ProjectSpec, source: str) -> dict[str, tuple[Link, ...]]:
    """Return for each column of a source the derived sources, feature tables and models that read it."""
    by_column: dict[str, dict[Link, None]] = {column: {} for column in spec.sources[source].columns}
    for name, derived in spec.sources.items():
        if source in derived.reader.inputs:
            _note(by_column, source, Link("sources", name), source_lineage(spec, derived))
    for name, table in spec.feature_tables.items():
        _note(by_column, source, Link("features", name), feature_lineage(spec, table))
    for name, model in spec.models.items():
        _note(by_column, source, Link("models", name), {**snapshot_lineage(spec, model), **_beside(spec, model)})
    return {column: tuple(readers) for column, readers in by_column.items()}


def _beside(spec: ProjectSpec, model: ModelSpec) -> Origins:
    """Return what a model reads of its population beside features: for payoffs, to choose rows, and as keys."""
    population = required_columns(spec, model)
    valued = {
        name.removeprefix(f"{population.name}.") for name in Decision.declared(model.value, population.name).columns
    }
    chosen = {name for text in model.population.conditions for name in parse_expression(text).names}
    keys = {link.column for links in key_origins(spec, model).values() for link in links if link.kind == "sources"}
    return {"beside": tuple((population.node, name) for name in sorted({*valued, *chosen, *keys}))}


def _note(by_column: dict[str, dict[Link, None]], source: str, reader: Link, lineage: Origins) -> None:
    for pairs in lineage.values():
        for node, column in pairs:
            if node == NodeName("source", source) and column in by_column:
                by_column[column][reader] = None


def link_of(node: str, column: str = "") -> Link:
    """Return the link to a node such as ``sources/orders``, or to one of its columns."""
    kind, _, name = node.partition("/")
    return Link(kind, name, column)
