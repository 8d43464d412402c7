"""Which rows a question sees: the one rule, for whole numbers, arrays and columns of Ibis.

A question is an entity at a tick. It sees the versions of rows that were known at the tick, whose event lies in the
window. A version is a row as one ingest found it: a correction ends it and begins another. All arguments are whole
numbers in one unit: microseconds, or the intervals of a feature table.

`ml_platform.features.lookup` applies the rule: `lookup_by_join` calls these functions, and `lookup_by_ranges`, which
DuckDB runs, follows the same rule as ranges of ticks. Labels over a window and `ml_platform.audit.explain.source_rows`
call them too. The rows of a population follow the rule at their batch run (`ml_platform.datasets.population.rows`).
"""

from __future__ import annotations

from typing import Any


def is_known(known: Any, until: Any, tick: Any) -> Any:
    """Return whether a version of a row counts at a tick: from the tick when it is known until one replaces it.

    >>> [is_known(3, 5, tick) for tick in (2, 3, 4, 5)]
    [False, True, True, False]
    """
    return (known <= tick) & (tick < until)


def is_in_window(event: Any, tick: Any, start: int | None, end: int = 0) -> Any:
    """Return whether an event lies in ``(tick + start, tick + end]``; None as start reaches back without an end.

    >>> [is_in_window(event, 10, -3) for event in (7, 8, 10, 11)]
    [False, True, True, False]
    """
    inside = event - end <= tick
    return inside if start is None else inside & is_after_start(event, tick, start)


def is_after_start(event: Any, tick: Any, start: int) -> Any:
    """Return whether an event is later than the start of a window, which is no part of it."""
    return event - start > tick
