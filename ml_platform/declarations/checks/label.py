"""Checks of a model's label against its source, its task, and what is known of when its rows become known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ml_platform.core.clock import format_duration
from ml_platform.core.errors import FaultKind
from ml_platform.core.expressions import Kind
from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.checks.problems import (
    NUMBERS,
    Columns,
    Place,
    Problem,
    Scope,
    check_condition,
    check_entity,
    check_expression,
    check_source_name,
    columns_of,
)
from ml_platform.declarations.checks.references import check_reference_joins, question_kinds
from ml_platform.declarations.label import ONLY, RowLabel, WindowLabel
from ml_platform.declarations.model import ModelSpec, Task

_LABELS: Mapping[Task, tuple[frozenset[Kind], str, str]] = {
    "binary": (frozenset({"bool"}), "a condition", "Write a condition, such as delay >= 30"),
    "multiclass": (frozenset({"string", "int", "bool"}), "a class", "Give a class: a text or a whole number"),
    "regression": (NUMBERS, "a number", "Give a number"),
    "quantile": (NUMBERS, "a number", "Give a number"),
}
_INSTEAD = {
    "binary": "Write any or none, or compare aggregates in label.expression",
    "multiclass": "Write mode, first or last of a text or a whole number",
}


def check_label(scope: Scope, model: ModelSpec) -> tuple[Kind | None, list[Problem]]:
    """Return the kind of a model's label, None where it is at fault, and what is wrong with it."""
    where, label = f"models/{model.name}", model.label
    problems = list(check_source_name(scope, where, ("label", "source"), label.source))
    if model.population.entity in scope.spec.file.entities:
        problems += check_entity(scope, where, ("label", "source"), model.population.entity, [label.source])
    problems += _check_key(scope, model)
    columns, faults = _columns(scope, model)
    problems += faults
    if isinstance(label, WindowLabel):
        problems += _check_settled(scope, model, label)
        if columns is None:
            return None, problems
        kind, faults = _check_aggregates(where, model.task, label, columns)
        return kind, problems + faults
    assert isinstance(label, RowLabel)
    if label.missing == "negative" and model.task != "binary":
        text = f"negative belongs to binary models, found task {model.task}. Write drop"
        problems.append(Problem(where, ("label", "missing"), text))
    if columns is None:
        return None, problems
    allowed, _, remedy = _LABELS[model.task]
    kind, faults = check_expression(where, ("label", "expression"), label.expression, columns, allowed, remedy)
    return None if faults else kind, problems + faults


def _columns(scope: Scope, model: ModelSpec) -> tuple[Columns | None, list[Problem]]:
    """Return the columns that the label may read: of its source's rows, and ``table.column`` of the question."""
    label, place = model.label, ("label",)
    columns = columns_of(scope, label.source)
    question, problems = question_kinds(scope, model, place, label.references, with_population=True)
    problems = problems or list(check_reference_joins(scope, model, place, label.references))
    return None if columns is None or question is None or problems else {**columns, **question}, problems


def _check_key(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield problems where rows and labels have the key in two types: they would not meet, or meet the wrong ones."""
    rows, labels = scope.columns_of(model), scope.source(model.label.source)
    if rows is None or labels is None:
        return
    for column in scope.spec.file.entities.get(model.population.entity, ()):
        if column in rows.columns and column in labels.columns:
            here, there = rows.columns[column].type, labels.columns[column].type
            if here != there:
                text = f"the key {column} is {here} in {rows.name} and {there} in {labels.name}. Declare one type"
                yield Problem(f"models/{model.name}", ("label", "source"), text, kind=FaultKind.TYPE)


# Labels over a window ---------------------------------------------------------


def _check_settled(scope: Scope, model: ModelSpec, label: WindowLabel) -> Iterator[Problem]:
    """Yield a problem where the label is settled before all rows of its window are known, or settle is missing."""
    source, where = scope.source(label.source), f"models/{model.name}"
    if source is None:
        return
    if source.known_at.delay is None:
        if label.settle is None:
            text = (
                f"settle is missing: column {source.known_at.column} has the known-at of each row of {source.name}, "
                "so it is not declared when all rows of the window are known. Add how long that takes, such as "
                "settle: 2d"
            )
            yield Problem(where, ("label",), text, kind=FaultKind.MISSING_KEY)
        return
    delay = max(source.known_at.delay, timedelta(0))
    if label.settle is not None and label.settle < delay:
        horizon, needed = format_duration(label.horizon), format_duration(label.within + delay)
        text = (
            f"the label is settled {horizon} after the prediction time, and the last rows of its window become known "
            f"{format_duration(delay)} after they happen. Make the horizon at least {needed}, or remove it"
        )
        yield Problem(where, ("label",), text, kind=FaultKind.KNOWN_LATE)


def _check_aggregates(
    where: str, task: Task, label: WindowLabel, columns: Columns
) -> tuple[Kind | None, list[Problem]]:
    problems: list[Problem] = []
    for name, feature in label.aggregates.items():
        place: Place = ("label",) if label.expression is None else ("label", "aggregates", name)
        problems += _check_aggregate(where, place, feature, columns)
    if problems:
        return None, problems
    question = {name: kind for name, kind in columns.items() if "." in name}
    kinds, (allowed, what, remedy) = {**label.kinds(columns), **question}, _LABELS[task]
    if label.expression is not None:
        kind, faults = check_expression(where, ("label", "expression"), label.expression, kinds, allowed, remedy)
        return None if faults else kind, faults
    kind, name = kinds[ONLY], label.aggregates[ONLY].name
    if kind not in allowed:
        text = f"the type of {name} is {kind}, and task {task} needs {what}. {_INSTEAD.get(task, remedy)}"
        return None, [Problem(where, ("label", name), text, kind=FaultKind.TYPE)]
    return kind, []


def _check_aggregate(where: str, place: Place, feature: Feature, columns: Columns) -> Iterator[Problem]:
    yield from check_condition(where, (*place, "where"), feature.where, columns)
    for below, text in feature.expressions.items():
        yield from check_expression(where, (*place, *below), text, columns, feature.accepts, feature.remedy)[1]
