"""Checks of what a model declares about its actions beside their payoffs: who is held out, and which were taken."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import ExpressionError, FaultKind, listed
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.checks.problems import Place, Problem, Scope, check_source_name
from ml_platform.declarations.control import Control
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.value import Value

TAKEN_COLUMNS = ("prediction_id", "action")
"""The columns of a source of actions that were taken."""


def check_actions(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with the control group, and the source of actions that were taken."""
    where = f"models/{model.name}"
    if model.value.control is not None:
        yield from _check_control(where, model.value, model.value.control)
    if model.value.taken is not None:
        yield from _check_taken(scope, where, ("value", "taken"), model.value.taken)


def _check_control(where: str, value: Value, control: Control) -> Iterator[Problem]:
    """Yield why a control group would measure nothing, or read what the prediction log does not have."""
    actions = value.actions or {}
    known = {"label", *(name for text in actions.values() for name in _names(text))}
    for action, text in (control.earned or {}).items():
        for name in sorted(_names(text) - known):
            fault = f"reads {name}, which no payoff of actions reads, so that it is not logged. Leave it out"
            yield Problem(where, ("value", "control", "earned", action), fault)
    earned = (control.earned or actions).get(value.do_nothing, "label")
    if "label" not in _names(earned):
        fault = (
            f"measures nothing: {value.do_nothing} earns {earned} whatever comes about, so that held-out rows show no "
            "effect. Write in control.earned what each action earns for the label that comes about, such as "
            f"{value.do_nothing}: -20 * label"
        )
        yield Problem(where, ("value", "control"), fault)


def _names(text: str) -> set[str]:
    """Return what an expression reads; nothing where it is at fault, which is reported elsewhere."""
    try:
        return set(parse_expression(text).names)
    except ExpressionError:
        return {"label"}


def _check_taken(scope: Scope, where: str, place: Place, name: str) -> Iterator[Problem]:
    unknown = list(check_source_name(scope, where, place, name))
    yield from unknown
    source = scope.spec.sources.get(name)
    if unknown or source is None:
        return
    for column in TAKEN_COLUMNS:
        declared = source.columns.get(column)
        if declared is None or declared.type != "string":
            has = "has no such column" if declared is None else f"has it as {declared.type}"
            text = f"needs {name} to have a column {column} of type string, and it {has}. Declare it"
            yield Problem(where, place, text, kind=FaultKind.UNKNOWN_NAME)
    if tuple(source.key) != TAKEN_COLUMNS[:1]:
        text = f"needs {name} to have the key [prediction_id], found {listed(source.key)}. Correct its key"
        yield Problem(where, place, text)
