"""Checks for features that can only know the label: found in the declarations, before there is any data."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import ExpressionError, FaultKind, suggest
from ml_platform.declarations.checks.problems import Problem, Scope
from ml_platform.declarations.joins import joined_table
from ml_platform.declarations.label import RowLabel
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.resolve import expand_features

_LABEL = "label"
_WAY_OUT = "If it is legitimately available at prediction time, list it in leakage.allow"


def check_leaks(scope: Scope, model: ModelSpec) -> Iterator[Problem]:
    """Yield a problem for each feature that the label itself is made of, and for exceptions of what is no feature."""
    where = f"models/{model.name}"
    columns = expand_features(scope.spec, model)
    owners = {column.partition(".")[0] for column in columns}
    tables = [owner for owner in owners if joined_table(scope.spec, model, owner) is not None]
    known = {_LABEL, *columns, *(f"{table}.*" for table in tables)}
    for index, name in enumerate(model.leakage.allow):
        if name not in known and not scope.hides(name.partition(".")[0]):
            text = f"{name} is no feature of this model. {suggest(name, known)}"
            yield Problem(where, ("leakage", "allow", index), text, kind=FaultKind.UNKNOWN_NAME)
    for index, reference in enumerate(model.features):
        owner, _, column = reference.partition(".")
        if reference in model.leakage.allow or f"{owner}.*" in model.leakage.allow:
            continue
        problem = _leaking_column(model, owner, column) or _leaking_row(scope, model, owner)
        if problem is not None:
            yield Problem(where, ("features", index), f"{problem}. Leave it out. {_WAY_OUT}", kind=FaultKind.LEAK)


def _leaking_column(model: ModelSpec, owner: str, column: str) -> str | None:
    """Return what is wrong with a column of the population that the label reads from the same row."""
    if not isinstance(model.label, RowLabel):
        return None  # its rows happen after the question, and the row that asks before
    if owner != model.population.owner or owner != model.label.source or column not in _label_reads(model):
        return None
    return f"{owner}.{column} is what the label is made of: the label reads it from the same source"


def _leaking_row(scope: Scope, model: ModelSpec, owner: str) -> str | None:
    """Return what is wrong with a table whose one row for each entity is the row of the label."""
    joined, entities = joined_table(scope.spec, model, owner), scope.spec.file.entities
    if joined is None or joined.table.source != model.label.source or model.label.source not in scope.spec.sources:
        return None
    keys_of_owner = {key for key, column in joined.keys.items() if column == f"{model.population.owner}.{key}"}
    key = scope.spec.sources[model.label.source].key
    if not (keys_of_owner.issuperset(key) and set(entities.get(model.population.entity, ())).issuperset(key)):
        return None
    row = f"the one row of {model.label.source} for each {joined.table.entity}, which is the label's own"
    return f"{owner} is made of {row}: it is empty until the label is known"


def _label_reads(model: ModelSpec) -> frozenset[str]:
    try:
        return model.label.reads
    except ExpressionError:
        return frozenset()
