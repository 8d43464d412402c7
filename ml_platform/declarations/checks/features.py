"""Checks of the features that a model names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ml_platform.core.errors import DeclarationCycle, FaultKind, listed, suggest
from ml_platform.core.expressions import Kind
from ml_platform.declarations.checks.problems import Place, Problem, Scope, check_repeats
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.joins import joined_table, joins_of
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.population import PopulationColumns
from ml_platform.declarations.resolve import expand_features, feature_type
from ml_platform.declarations.source import ColumnType


def check_features(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield a problem for each feature that does not exist, cannot be joined, or is no input for a model."""
    where = f"models/{model.name}"
    yield from check_repeats(where, ("features",), model.features)
    joined: set[str] = set()
    for index, reference in enumerate(model.features):
        place: Place = ("features", index)
        owner, _, column = reference.partition(".")
        if owner in scope.spec.feature_tables and owner in scope.spec.sources:
            continue  # the table's own fault, reported there
        table = joined_table(scope.spec, model, owner)
        if table is not None:
            yield from _check_table_column(owner, table.table, where, place, column)
            if owner not in joined and owner not in model.joins:
                yield from check_join(scope, model, place, table.table)
            joined.add(owner)
        elif owner == model.population.owner:
            yield from _check_population_column(scope, model, place, column)
        elif not (owner in model.joins or scope.hides(owner) or scope.columns_of(model) is None):
            yield Problem(where, place, _unknown_owner(scope, model, reference), kind=FaultKind.UNKNOWN_NAME)


def feature_kinds(scope: Scope, model: ModelSpec) -> dict[str, Kind]:
    """Return the kinds of the model's features, without those that do not exist or that a broken declaration hides."""
    kinds: dict[str, Kind] = {}
    for column in expand_features(scope.spec, model):
        if not scope.hides(column.partition(".")[0]):
            with suppress(KeyError):
                kinds[column] = feature_type(scope.spec, column, model)
    return kinds


def _check_table_column(
    alias: str, table: FeatureTableSpec, where: str, place: Place, column: str
) -> Iterator[Problem]:
    if column == "*" or column in table.columns:
        return
    windows = table.features[column].windows if column in table.features else ()
    if windows:
        names = listed(f"{alias}.{column}_{window.label}" for window in windows)
        yield Problem(
            where, place, f"{alias}.{column} needs a window. Write one of {names}", kind=FaultKind.UNKNOWN_NAME
        )
        return
    yield Problem(
        where,
        place,
        f"{alias} has no column {column or '(nothing)'}. {suggest(column, table.columns)}",
        kind=FaultKind.UNKNOWN_NAME,
    )


def check_joins(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with a model's own joins: names, tables, keys and their types, cycles."""
    where, population = f"models/{model.name}", scope.columns_of(model)
    for alias, join in model.joins.items():
        place: Place = ("joins", alias)
        if alias in (*scope.names("sources"), *scope.names("features")):
            yield Problem(
                where,
                place,
                f"{alias} is a source or a feature table already. Give the join another name",
                kind=FaultKind.TAKEN_NAME,
            )
        if join.table not in scope.names("features"):
            text = f"there is no feature table {join.table}. {suggest(join.table, scope.names('features'))}"
            yield Problem(where, (*place, "table"), text, kind=FaultKind.UNKNOWN_NAME)
        elif join.table in scope.spec.feature_tables and population is not None:
            yield from _check_join_keys(scope, model, alias, scope.spec.feature_tables[join.table], population)
    with suppress(KeyError):
        try:
            joins_of(scope.spec, model)
        except DeclarationCycle as error:
            yield Problem(where, ("joins",), str(error))


def _check_join_keys(
    scope: Scope, model: ModelSpec, alias: str, table: FeatureTableSpec, population: PopulationColumns
) -> Iterator[Problem]:
    where, joined = f"models/{model.name}", model.joins[alias].keys
    key, origin = scope.spec.file.entities.get(table.entity, ()), scope.source(table.source)
    missing = [column for column in key if column not in joined]
    if missing:
        text = f"{table.name} is known by {listed(key)}, and {listed(missing)} is not given. Add it"
        yield Problem(where, ("joins", alias, "keys"), text)
    for column, name in joined.items():
        place: Place = ("joins", alias, "keys", column)
        if key and column not in key:
            yield Problem(
                where,
                place,
                f"{column} is not part of the key of {table.entity}. {suggest(column, key)}",
                kind=FaultKind.UNKNOWN_NAME,
            )
            continue
        here, problem = _key_type(scope, model, population, name)
        there = origin.columns[column].type if origin is not None and column in origin.columns else here
        if problem is not None:
            yield Problem(where, place, problem)
        elif here is not None and here != there:
            text = f"{name} is {here}, and {column} of {table.name} is {there}. Give a column of one type"
            yield Problem(where, place, text, kind=FaultKind.TYPE)


def _key_type(
    scope: Scope, model: ModelSpec, population: PopulationColumns, name: str
) -> tuple[ColumnType | None, str | None]:
    """Return the type of a column that gives a key, or what is wrong with it."""
    owner, dot, column = name.partition(".")
    if not dot or owner == population.name:
        bare = column or owner
        if bare in population.columns:
            return population.columns[bare].type, None
        return None, f"{population.name} has no column {bare}. {suggest(bare, population.columns)}"
    table = joined_table(scope.spec, model, owner)
    if table is None:
        known = [population.name, *model.joins, *scope.names("features")]
        return None, None if scope.hides(owner) else f"there is no feature table {owner}. {suggest(owner, known)}"
    if column not in table.table.columns:
        return None, f"{owner} has no column {column}. {suggest(column, table.table.columns)}"
    if scope.hides(table.table.name) or scope.source(table.table.source) is None:
        return None, None
    return feature_type(scope.spec, name, model), None


def check_join(scope: Scope, model: ModelSpec, place: Place, table: FeatureTableSpec) -> Iterator[Problem]:
    """Yield problems where the population has no such key, or has it in another type."""
    rows, origin = scope.columns_of(model), scope.source(table.source)
    if rows is None:
        return
    key = scope.spec.file.entities.get(table.entity, ())
    missing = [column for column in key if column not in rows.columns]
    if missing:
        text = f"{table.name} is joined by the key of {table.entity}, and {rows.name} has no column {listed(missing)}"
        yield Problem(
            f"models/{model.name}",
            place,
            f"{text}. Declare the column in {rows.name}, or leave it out",
            kind=FaultKind.UNKNOWN_NAME,
        )
    for column in key if origin is not None else ():
        if column in rows.columns and origin is not None and column in origin.columns:
            here, there = rows.columns[column].type, origin.columns[column].type
            if here != there:
                text = f"the key {column} is {here} in {rows.name} and {there} in {origin.name}. Declare one type"
                yield Problem(f"models/{model.name}", place, text, kind=FaultKind.TYPE)


def _check_population_column(scope: Scope, model: ModelSpec, place: Place, column: str) -> Iterator[Problem]:
    rows = scope.columns_of(model)
    if rows is None:
        return
    where = f"models/{model.name}"
    if column == "*":
        yield Problem(where, place, f"{rows.name}.* would take keys and times too. Name the columns that are features")
    elif column not in rows.columns:
        text = f"{rows.name} has no column {column or '(nothing)'}. {suggest(column, rows.columns)}"
        yield Problem(where, place, text, kind=FaultKind.UNKNOWN_NAME)
    elif rows.columns[column].type == "timestamp" and not model.transforms:
        text = f"{rows.name}.{column} is a timestamp, and no algorithm reads one. Make numbers of it in a transform"
        yield Problem(where, place, text, kind=FaultKind.TYPE)


def _unknown_owner(scope: Scope, model: ModelSpec, reference: str) -> str:
    owner, dot, _ = reference.partition(".")
    if not dot:
        return f"{reference!r} is not a feature. Write table.column, table.* or {model.population.owner}.column"
    if owner in scope.names("sources"):
        return f"{owner} is a source, but not the population's. Make a feature table of it"
    known = [*scope.names("features"), *model.joins, model.population.owner]
    return f"there is no feature table {owner}. {suggest(owner, known)}"
