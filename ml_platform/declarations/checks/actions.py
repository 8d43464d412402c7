"""Checks of what a model declares about its actions beside their payoffs: capacity, and which were taken."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import FaultKind, listed
from ml_platform.declarations.checks.problems import Place, Problem, Scope, check_source_name
from ml_platform.declarations.model import ModelSpec

TAKEN_COLUMNS = ("prediction_id", "action")
"""The columns of a source of actions that were taken."""


def check_actions(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with the capacity and with the source of actions that were taken."""
    where = f"models/{model.name}"
    if model.value.capacity is not None and model.deployment.online is not None:
        text = "limits an action of a model that answers requests, and the service cannot share places among requests"
        yield Problem(where, ("value", "capacity"), f"{text}. Remove deployment.online, or capacity")
    if model.value.taken is not None:
        yield from _check_taken(scope, where, ("value", "taken"), model.value.taken)


def _check_taken(scope: Scope, where: str, place: Place, name: str) -> Iterator[Problem]:
    unknown = list(check_source_name(scope, where, place, name))
    yield from unknown
    source = scope.spec.sources.get(name)
    if unknown or source is None:
        return
    for column in TAKEN_COLUMNS:
        found = source.columns.get(column)
        if found is None or found.type != "string":
            has = "has no such column" if found is None else f"has it as {found.type}"
            text = f"needs {name} to have a column {column} of type string, and it {has}. Declare it"
            yield Problem(where, place, text, kind=FaultKind.UNKNOWN_NAME)
    if tuple(source.key) != TAKEN_COLUMNS[:1]:
        text = f"needs {name} to have the key [prediction_id], found {listed(source.key)}. Correct its key"
        yield Problem(where, place, text)
