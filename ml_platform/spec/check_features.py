"""Checks of the features that a model names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from ml_platform.errors import listed, suggest
from ml_platform.expression import Kind
from ml_platform.spec.feature_table import FeatureTableSpec
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.problems import Place, Problem, Scope, check_repeats
from ml_platform.spec.resolve import expand_features, feature_type


def check_features(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield a problem for each feature that does not exist, cannot be joined, or is no input for a model."""
    where = f"models/{model.name}"
    yield from check_repeats(where, ("features",), model.features)
    joined: set[str] = set()
    for index, reference in enumerate(model.features):
        place: Place = ("features", index)
        owner, _, column = reference.partition(".")
        if owner in scope.spec.feature_tables and owner in scope.spec.sources:
            continue  # the table's own fault, said there
        if owner in scope.spec.feature_tables:
            yield from _check_table_column(scope.spec.feature_tables[owner], where, place, column)
            if owner not in joined:
                yield from _check_join(scope, model, place, scope.spec.feature_tables[owner])
            joined.add(owner)
        elif owner == model.population.source:
            yield from _check_own_column(scope, model, place, column)
        elif not (scope.hides(owner) or model.population.source not in scope.names("sources")):
            yield Problem(where, place, _unknown_owner(scope, model, reference))


def feature_kinds(scope: Scope, model: ModelSpec) -> dict[str, Kind]:
    """Return the kinds of the model's features, without those that do not exist or that a broken declaration hides."""
    kinds: dict[str, Kind] = {}
    for column in expand_features(scope.spec, model):
        if not scope.hides(column.partition(".")[0]):
            with suppress(KeyError):
                kinds[column] = feature_type(scope.spec, column)
    return kinds


def _check_table_column(table: FeatureTableSpec, where: str, place: Place, column: str) -> Iterator[Problem]:
    if column == "*" or column in table.columns:
        return
    windows = table.features[column].windows if column in table.features else ()
    if windows:
        names = listed(f"{table.name}.{column}_{window.label}" for window in windows)
        yield Problem(where, place, f"{table.name}.{column} needs a window. Write one of {names}")
        return
    yield Problem(where, place, f"{table.name} has no column {column or '(nothing)'}. {suggest(column, table.columns)}")


def _check_join(scope: Scope, model: ModelSpec, place: Place, table: FeatureTableSpec) -> Iterator[Problem]:
    """Yield problems where the population has no such key, or has it in another type."""
    rows, origin = scope.source(model.population.source), scope.source(table.source)
    if rows is None:
        return
    key = scope.spec.file.entities.get(table.entity, ())
    missing = [column for column in key if column not in rows.columns]
    if missing:
        text = f"{table.name} is joined by the key of {table.entity}, and {rows.name} has no column {listed(missing)}"
        yield Problem(f"models/{model.name}", place, f"{text}. Declare the column in {rows.name}, or leave it out")
    for column in key if origin is not None else ():
        if column in rows.columns and origin is not None and column in origin.columns:
            here, there = rows.columns[column].type, origin.columns[column].type
            if here != there:
                text = f"the key {column} is {here} in {rows.name} and {there} in {origin.name}. Declare one type"
                yield Problem(f"models/{model.name}", place, text)


def _check_own_column(scope: Scope, model: ModelSpec, place: Place, column: str) -> Iterator[Problem]:
    rows = scope.source(model.population.source)
    if rows is None:
        return
    where = f"models/{model.name}"
    if column == "*":
        yield Problem(where, place, f"{rows.name}.* would take keys and times too. Name the columns that are features")
    elif column not in rows.columns:
        text = f"{rows.name} has no column {column or '(nothing)'}. {suggest(column, rows.columns)}"
        yield Problem(where, place, text)
    elif rows.columns[column].type == "timestamp" and not model.transforms:
        text = f"{rows.name}.{column} is a timestamp, and no algorithm reads one. Make numbers of it in a transform"
        yield Problem(where, place, text)


def _unknown_owner(scope: Scope, model: ModelSpec, reference: str) -> str:
    owner, dot, _ = reference.partition(".")
    if not dot:
        return f"{reference!r} is not a feature. Write table.column, table.* or {model.population.source}.column"
    if owner in scope.names("sources"):
        return f"{owner} is a source, but not the population's. Make a feature table of it"
    known = [*scope.names("features"), model.population.source]
    return f"there is no feature table {owner}. {suggest(owner, known)}"
