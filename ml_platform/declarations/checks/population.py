"""Checks of who is asked about, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ml_platform.declarations.checks.known_at import check_known
from ml_platform.declarations.checks.problems import (
    Problem,
    Scope,
    check_condition,
    check_entity,
    check_expression,
    check_source_name,
    columns_of,
)
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.population import Population
from ml_platform.declarations.populations.rows import RowPopulation


def check_population(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with the population of a model."""
    yield from _KINDS[type(model.population)](scope, model, model.population)


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


_KINDS: Mapping[type[Population], Callable[[Scope, ModelSpec, Any], Iterator[Problem]]] = {RowPopulation: _check_rows}
