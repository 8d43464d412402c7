"""Checks of how a column's timestamps are written: zone, clock changes, format."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.clock import read_zone
from ml_platform.core.errors import FaultKind
from ml_platform.core.timestamp_formats import has_zone, pattern_problem
from ml_platform.declarations.checks.problems import Place, Problem
from ml_platform.declarations.source import Column


def check_written_times(where: str, name: str, column: Column) -> Iterator[Problem]:
    """Yield what is wrong with the keys of a column that declare how its timestamps are written."""
    yield from _check_dst(where, name, column)
    yield from _check_format(where, name, column)
    place: Place = ("columns", name, "zone")
    if column.zone is None:
        return
    if column.type != "timestamp":
        text = f"belongs to timestamps, found type {column.type}. Remove it"
        yield Problem(where, place, text, kind=FaultKind.NEEDLESS_KEY)
        return
    try:
        read_zone(column.zone)
    except ValueError as error:
        yield Problem(where, place, str(error), kind=FaultKind.VALUE)


def _check_format(where: str, name: str, column: Column) -> Iterator[Problem]:
    place: Place = ("columns", name, "format")
    if column.format is None:
        return
    problem = pattern_problem(column.format)
    if column.type != "timestamp":
        yield Problem(
            where, place, f"belongs to timestamps, found type {column.type}. Remove it", kind=FaultKind.NEEDLESS_KEY
        )
    elif problem is not None:
        yield Problem(where, place, problem, kind=FaultKind.VALUE)
    elif has_zone(column.format) and column.zone is not None:
        yield Problem(
            where,
            place,
            "has the offset of each timestamp, so zone has no meaning. Remove zone",
            kind=FaultKind.NEEDLESS_KEY,
        )
    elif not has_zone(column.format) and column.zone is None:
        text = "has no offset. Declare the column's zone, or add %z where the timestamps have one"
        yield Problem(where, place, text, kind=FaultKind.MISSING_KEY)


def _check_dst(where: str, name: str, column: Column) -> Iterator[Problem]:
    place: Place = ("columns", name, "dst")
    if column.dst and column.zone is None:
        yield Problem(
            where, place, "belongs to a column with a zone. Declare the zone, or remove it", kind=FaultKind.NEEDLESS_KEY
        )
    elif len({"earlier", "later"} & set(column.dst)) > 1 or ("fail" in column.dst and len(column.dst) > 1):
        text = f"found {' and '.join(column.dst)}. Give one of earlier and later, shift_forward, or both kinds"
        yield Problem(where, place, f"{text}; or fail alone", kind=FaultKind.VALUE)
