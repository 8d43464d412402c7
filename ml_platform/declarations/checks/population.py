"""Checks of who is asked about, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ml_platform.core.errors import FaultKind
from ml_platform.declarations.checks.known_at import check_known
from ml_platform.declarations.checks.problems import (
    LOGGED_COLUMNS,
    OTHER_NAME,
    Place,
    Problem,
    Scope,
    check_condition,
    check_entity,
    check_expression,
    check_source_name,
    columns_of,
    population_types,
)
from ml_platform.declarations.checks.references import check_reference_joins, question_kinds
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.events import EventPopulation
from ml_platform.declarations.populations.population import Population
from ml_platform.declarations.populations.rows import RowPopulation
from ml_platform.declarations.populations.ticks import TickPopulation


def check_population(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with the population of a model."""
    check = _KINDS.get(type(model.population), _check_any)
    yield from check(scope, model, model.population)
    yield from _check_key(scope, model)
    yield from _check_until(scope, model)
    if model.deployment.late_rows == "score" and isinstance(model.population, TickPopulation | EventPopulation):
        text = "has no effect: what becomes known late is asked about at the next batch run in any case. Remove it"
        yield Problem(f"models/{model.name}", ("deployment", "late_rows"), text)


def _check_key(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield that the entity's key has the name of a column of the prediction log: one would hide the other."""
    entity = model.population.entity
    for column in scope.spec.file.entities.get(entity, ()):
        if column.lower() in LOGGED_COLUMNS:
            text = f"the key of {entity} is called {column}, as a column of the prediction log is"
            place: Place = ("population", "entity")
            yield Problem(f"models/{model.name}", place, f"{text}. {OTHER_NAME}", kind=FaultKind.TAKEN_NAME)


def _check_until(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    until, where = model.population.until, f"models/{model.name}"
    if until is None:
        return
    yield from check_source_name(scope, where, ("population", "until"), until.source)
    if model.population.entity in scope.spec.file.entities:
        yield from check_entity(scope, where, ("population", "until"), model.population.entity, [until.source])
    columns, population = columns_of(scope, until.source), population_types(scope, model)
    if columns is None:
        return
    yield from check_condition(where, ("population", "until", "where"), until.where, columns)
    for key in scope.spec.file.entities.get(model.population.entity, ()):
        if population is not None and key in population and key in columns and population[key] != columns[key]:
            text = f"the key {key} is {columns[key]} in {until.source} and {population[key]} in the population"
            yield Problem(where, ("population", "until"), f"{text}. Declare one type", kind=FaultKind.TYPE)


def _check_any(scope: Scope, model: ModelSpec, population: Population) -> Iterator[Problem]:
    """Yield what is wrong with what a kind of an installed package reads: sources, entity, conditions, features."""
    where, place = f"models/{model.name}", ("population",)
    sources = [name for role, name in population.roles.items() if role != "until_rows"]
    for name in sources:
        yield from check_source_name(scope, where, place, name)
    yield from check_entity(scope, where, (*place, "entity"), population.entity, sources)
    columns = population_types(scope, model)
    if columns is not None:
        for condition in population.conditions:
            yield from check_condition(where, place, condition, columns)
    kinds, problems = question_kinds(scope, model, place, population.references, with_population=False)
    yield from problems
    if kinds is not None and not problems:
        yield from check_reference_joins(scope, model, place, population.references)


def _check_events(scope: Scope, model: ModelSpec, population: EventPopulation) -> Iterator[Problem]:
    where = f"models/{model.name}"
    yield from check_source_name(scope, where, ("population", "on"), population.on)
    yield from check_entity(scope, where, ("population", "entity"), population.entity, [population.on])
    columns = columns_of(scope, population.on)
    if columns is not None:
        yield from check_condition(where, ("population", "where"), population.where, columns)


def _check_rows(scope: Scope, model: ModelSpec, population: RowPopulation) -> Iterator[Problem]:
    where = f"models/{model.name}"
    yield from check_source_name(scope, where, ("population", "source"), population.source)
    yield from check_entity(scope, where, ("population", "entity"), population.entity, [population.source])
    columns = columns_of(scope, population.source)
    if columns is None:
        return
    remedy = "Write a moment, such as departs_at - 2h"
    place = ("population", "prediction_time")
    problems = check_expression(where, place, population.prediction_time, columns, {"timestamp"}, remedy)[1]
    yield from problems or check_known(model, population, scope.spec.sources[population.source])
    yield from check_condition(where, ("population", "where"), population.where, columns)


def _check_ticks(scope: Scope, model: ModelSpec, population: TickPopulation) -> Iterator[Problem]:
    where, place = f"models/{model.name}", ("population", "while")
    yield from check_entity(scope, where, ("population", "entity"), population.entity, [])
    if population.owner in (*scope.names("features"), *model.joins):
        text = f"{population.owner} is the name of the columns that ask. Give the feature table or join another name"
        yield Problem(where, ("population",), text, kind=FaultKind.TAKEN_NAME)
    if model.deployment.batch is not None and model.deployment.batch != population.every:
        intervals = f"found {model.deployment.batch.text}, and population.every is {population.every.text}"
        yield Problem(
            where, ("deployment", "batch"), f"{intervals}: its ticks are the batch runs. Remove deployment.batch"
        )
    kinds, problems = question_kinds(scope, model, place, population.references, with_population=False)
    if kinds is None:
        return
    problems = problems or check_condition(where, place, population.while_, kinds)
    yield from problems
    if problems:
        return
    if not population.naming(scope.spec.feature_tables) and population.entity in scope.spec.file.entities:
        entity = population.entity
        text = f"it reads no feature table of {entity}, so the entities are unknown"
        yield Problem(
            where,
            place,
            f"{text}. Name a feature, table.column, of a table with entity: {entity}",
            kind=FaultKind.UNKNOWN_NAME,
        )
        return
    yield from check_reference_joins(scope, model, place, population.references)


_Check = Callable[[Scope, ModelSpec, Any], Iterator[Problem]]
_KINDS: Mapping[type[Population], _Check] = {
    RowPopulation: _check_rows,
    TickPopulation: _check_ticks,
    EventPopulation: _check_events,
}
