"""Running totals: what enters a window is added at its tick, what leaves is taken away at its tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import ibis

from ml_platform.engine import Engine
from ml_platform.features.windows import ENTER, LEAVE

ENTITY, TICK = "_entity", "_tick"


def running_totals(engine: Engine, windows: Iterable[tuple[Any, Mapping[str, str]]], never: int) -> Any:
    """Return totals per entity at every tick at which anything enters or leaves any window.

    Parameters
    ----------
    windows
        For each window its rows (`in_window`), and the columns that are summed over them by the name of their total.
    never
        The tick at which nothing leaves any more.
    """
    listed = list(windows)
    names = [total for _, columns in listed for total in columns]
    changes = []
    for number, (rows, columns) in enumerate(listed):
        changes.append(engine.keep(f"enters_{number}", _changes(rows, ENTER, columns, 1, names)))
        changes.append(engine.keep(f"leaves_{number}", _changes(rows, LEAVE, columns, -1, names)))
    union = reduce(lambda a, b: a.union(b), changes)
    summed = union.group_by(ENTITY, TICK).aggregate(**{name: union[name].sum() for name in names})
    summed = engine.keep("changes", summed)
    # Whatever enters leaves, at the latest when never comes: each entity begins at zero without being set apart,
    # which the engine does several times faster than a window for each entity.
    so_far = ibis.window(order_by=[ENTITY, TICK], rows=(None, 0))
    running = summed.select(ENTITY, TICK, **{name: summed[name].sum().over(so_far) for name in names})
    return engine.keep("totals", running.filter(running[TICK] < never))


def _changes(rows: Any, when: str, columns: Mapping[str, str], sign: int, names: Sequence[str]) -> Any:
    """Return one row per entity and tick with what changes then; columns of other windows do not."""
    sums = {total: rows[column].sum().cast(_DECIMAL) for total, column in columns.items()}
    grouped = rows.group_by(**{ENTITY: rows[ENTITY], TICK: rows[when]})
    summed = grouped.aggregate(**sums) if sums else grouped.aggregate(_rows=rows.count())
    none = ibis.literal(0).cast(_DECIMAL)
    signed = {name: summed[name] * sign if name in columns else none for name in names}
    return summed.select(ENTITY, TICK, **signed)


_DECIMAL = "decimal(38, 0)"
