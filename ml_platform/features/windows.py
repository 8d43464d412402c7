"""From known rows to the ticks at which each enters and leaves a window.

A row with event time e, known in [k, r), lies in the window (tick + a, tick + b] exactly
for the ticks in [max(e - b, k), min(e - a, r)). Ticks are counted in whole refresh
intervals since 1970 UTC.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis

from ml_platform.clock import MICROSECOND
from ml_platform.engine.functions import ticks_up
from ml_platform.features.source_log import EVENT, FOREVER, KNOWN, UNTIL
from ml_platform.spec.types import Window

ENTER, LEAVE = "_enter", "_leave"


def in_window(rows: Any, window: Window, refresh: timedelta) -> Any:
    """Return the rows that are in the window at any tick, with the first tick and the first one after.

    ``_enter`` and ``_leave`` count ticks: the row is in the window at tick t where ``_enter <= t < _leave``.
    """
    step = refresh // MICROSECOND
    first = ibis.greatest(rows[EVENT] - window.end // MICROSECOND, rows[KNOWN])
    until = rows[UNTIL]
    if window.start is not None:
        until = ibis.least(rows[EVENT] - window.start // MICROSECOND, until)
    timed = rows.mutate(**{ENTER: ticks_up(first, step), LEAVE: ticks_up(until, step)})
    return timed.filter(timed[ENTER] < timed[LEAVE])


def never(refresh: timedelta) -> int:
    """Return the tick by which a row that is never replaced leaves a window that never closes."""
    return -(-FOREVER // (refresh // MICROSECOND))


def while_newest(rows: Any, best: str, entity: str, rank: str) -> Any:
    """Return for each row of a window the tick at which it is no longer the newest; null if it never is.

    A row takes part where `best` is not null, and is the newest from its entry until any newer one enters or it leaves
    itself. That holds where no row is ever replaced: then a newer row outlasts every older one.
    """
    newer = ibis.window(group_by=entity, order_by=rank, rows=(1, None))
    takes_part = rows[best].notnull()
    hidden = ibis.ifelse(takes_part, rows[ENTER], ibis.null("int64")).min().over(newer)
    until = ibis.least(rows[LEAVE], hidden.fill_null(rows[LEAVE]))
    return ibis.ifelse(takes_part & (rows[ENTER] < until), until, ibis.null("int64"))
