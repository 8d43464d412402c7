"""Running totals: what enters a window is added at its tick, what leaves is taken away at its tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import ibis

from ml_platform.engine import Engine
from ml_platform.features.windows import ENTER, LEAVE

ENTITY, TICK = "_entity", "_tick"


def changes_of(rows: Any, sums: Mapping[str, str], newest: Mapping[str, tuple[str, str]]) -> Any:
    """Return by how much each total of one window changes, per entity and tick.

    Parameters
    ----------
    rows
        The rows of a window (`in_window`).
    sums
        By total: the column that is summed over the rows in the window.
    newest
        By total: the column of the row that is the newest, and the one with the tick at which it no longer is.
    """
    shown = {name: _or_zero(rows[leave].notnull(), rows[best]) for name, (best, leave) in newest.items()}
    enters = {name: rows[column] for name, column in sums.items()} | shown
    branches = [_change(rows, ENTER, enters, enters), _change(rows, LEAVE, _negative(rows, sums), enters)]
    for name, (best, leave) in newest.items():
        hidden = rows.filter(rows[leave].notnull())
        branches.append(_change(hidden, leave, _negative(hidden, {name: best}), enters))
    union = reduce(lambda a, b: a.union(b), branches)
    return _summed(union, list(enters))


def _negative(rows: Any, columns: Mapping[str, str]) -> dict[str, Any]:
    return {name: -rows[column] for name, column in columns.items()}


def _or_zero(condition: Any, value: Any) -> Any:
    return ibis.ifelse(condition, value, ibis.literal(0).cast(value.type()))


def _change(rows: Any, when: str, changed: Mapping[str, Any], types: Mapping[str, Any]) -> Any:
    """Return what changes at a tick; the other totals do not."""
    values = {name: changed.get(name, ibis.literal(0).cast(like.type())) for name, like in types.items()}
    return rows.select(**{ENTITY: rows[ENTITY], TICK: rows[when]}, **values)


def _summed(changes: Any, names: Sequence[str]) -> Any:
    sums = {name: changes[name].sum().cast(changes[name].type()) for name in names} or {"_rows": changes.count()}
    return changes.group_by(ENTITY, TICK).aggregate(**sums)


def running_totals(engine: Engine, changes: Sequence[tuple[Any, Sequence[str]]], never: int) -> Any:
    """Return totals per entity at every tick at which anything enters or leaves any window.

    Parameters
    ----------
    changes
        For each window its changes (`changes_of`) and the names of its totals.
    never
        The tick at which nothing leaves any more.
    """
    names = [name for _, own in changes for name in own]
    only = changes[0][0] if len(changes) == 1 else engine.keep("changes", _together(changes))
    # Whatever enters leaves, at the latest when never comes: so each entity begins at zero without being set apart.
    running = engine.running_sums("totals", only.select(ENTITY, TICK, *names), [ENTITY, TICK], names)
    return running.filter(running[TICK] < never)


def _together(changes: Sequence[tuple[Any, Sequence[str]]]) -> Any:
    """Return the changes of all windows, per entity and tick."""
    types = {name: table[name].type() for table, own in changes for name in own}
    nothing = {name: ibis.literal(0).cast(kind) for name, kind in types.items()}
    wide = [table.select(ENTITY, TICK, **(nothing | {name: table[name] for name in own})) for table, own in changes]
    return _summed(reduce(lambda a, b: a.union(b), wide), list(types))
