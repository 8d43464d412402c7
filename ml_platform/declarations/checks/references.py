"""Checks of expressions that read columns of the question: ``table.column``, as known at the prediction time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from ml_platform.core.errors import DeclarationCycle, ExpressionError, FaultKind, suggest
from ml_platform.core.expressions import Kind
from ml_platform.declarations.checks.features import check_join
from ml_platform.declarations.checks.problems import Columns, Place, Problem, Scope, population_types
from ml_platform.declarations.joins import joined_table
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.resolve import feature_type


def question_kinds(
    scope: Scope, model: ModelSpec, place: Place, references: Iterable[str], *, with_population: bool
) -> tuple[Columns | None, list[Problem]]:
    """Return the kinds of all columns of the tables that are read, by their dotted names, and what is wrong with them.

    Parameters
    ----------
    with_population
        Whether the population's own columns may be read too.

    Returns
    -------
    The kinds, None where a broken declaration hides them; and a problem for each owner that has no columns.
    """
    kinds: dict[str, Kind] = {}
    problems = []
    owners = owners_of(references)
    if any(scope.hides(owner) for owner in owners):
        return None, []
    for owner in owners:
        joined = joined_table(scope.spec, model, owner)
        if joined is not None:
            kinds |= _of_table(scope, model, owner, joined.table.columns)
        elif with_population and owner == model.population.owner:
            kinds |= {f"{owner}.{name}": kind for name, kind in (population_types(scope, model) or {}).items()}
        elif with_population and owner == model.label.source:
            text = f"{owner} is the source of the label. Write its columns without {owner} and the dot"
            problems.append(Problem(f"models/{model.name}", place, text, kind=FaultKind.UNKNOWN_NAME))
        else:
            what = "neither a feature table nor the population" if with_population else "not a feature table"
            known = [*scope.names("features"), *model.joins, *([model.population.owner] if with_population else [])]
            text = f"{owner} is {what}. Write table.column. {suggest(owner, known)}"
            problems.append(Problem(f"models/{model.name}", place, text, kind=FaultKind.UNKNOWN_NAME))
    return kinds, problems


def check_reference_joins(scope: Scope, model: ModelSpec, place: Place, references: Iterable[str]) -> Iterator[Problem]:
    """Yield problems where the population lacks the key of a feature table that is read."""
    for owner in owners_of(references):
        joined = joined_table(scope.spec, model, owner)
        if joined is not None and owner not in model.joins:
            yield from check_join(scope, model, place, joined.table)


def owners_of(references: Iterable[str]) -> list[str]:
    """Return the part before the dot of some names, each once."""
    return list(dict.fromkeys(name.partition(".")[0] for name in references))


def _of_table(scope: Scope, model: ModelSpec, alias: str, columns: Iterable[str]) -> Iterable[tuple[str, Kind]]:
    for column in columns:
        with suppress(KeyError, ExpressionError, DeclarationCycle):
            yield f"{alias}.{column}", feature_type(scope.spec, f"{alias}.{column}", model)
