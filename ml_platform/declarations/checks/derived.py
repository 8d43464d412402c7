"""Checks of derived sources: the query, its columns, and keys that have no meaning for rows that are not read."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import FaultKind, suggest
from ml_platform.declarations.checks.predictions import check_answers, check_circle
from ml_platform.declarations.checks.problems import Place, Problem, Scope
from ml_platform.declarations.derived_query import KNOWN_COLUMN, QueryProblem, read_query
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import column_types
from ml_platform.declarations.source import SourceSpec

_PLACE: Place = ("reader", "sql")
_OF_READING = ("deletes", "full", "on_error", "duplicates", "quarantine", "missing_columns", "new_columns")


def check_derived(scope: Scope, source: SourceSpec) -> Iterator[Problem]:
    """Yield what is wrong with a derived source; nothing for any other."""
    if source.reader.name != "sql":
        return
    where = NodeName("source", source.name)
    yield from check_answers(source, "follows from the inputs: a row is known when the last of them was. Remove it")
    for name in _OF_READING:
        if getattr(source, name) is not None:
            text = "belongs to sources that read data. Declare it for the inputs, and remove it here"
            yield Problem(where, (name,), text, kind=FaultKind.NEEDLESS_KEY)
    if any(scope.hides(name) for name in source.reader.inputs):
        return  # the error of an input that cannot be read is reported with that input
    types = {name: column_types(other) for name, other in scope.spec.sources.items()}
    try:
        columns = read_query(source.reader.value, types)[0].columns
    except QueryProblem as error:
        yield Problem(where, _PLACE, str(error), kind=FaultKind.QUERY)
        return
    for name in source.columns:
        if name not in columns and name != KNOWN_COLUMN:
            yield Problem(
                where,
                ("columns", name),
                f"the query gives no {name}. {suggest(name, list(columns))}",
                kind=FaultKind.UNKNOWN_NAME,
            )
    yield from check_circle(scope.spec, source, _PLACE)
