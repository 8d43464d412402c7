"""Extremes over moving windows, exact also where rows are late or replaced.

Every row's stretch of ticks is cut into blocks whose lengths are powers of two, as in a
segment tree (https://en.wikipedia.org/wiki/Segment_tree). A tick then looks up the one
block of each length that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import pyarrow as pa

from ml_platform.engine import Engine
from ml_platform.engine.functions import ceil_divide, floor_divide
from ml_platform.features.totals import ENTITY, TICK
from ml_platform.features.windows import ENTER, LEAVE

_LEVEL, _SIZE, _BLOCK = "_level", "_size", "_block"


def extremes_at(engine: Engine, ticks: Any, rows: Any, best: Mapping[str, str]) -> Any:
    """Return for every entity and tick the extremes over the rows in the window then.

    Parameters
    ----------
    ticks
        Entities and ticks to answer for.
    rows
        The rows of a window (`in_window`).
    best
        ``min`` or ``max`` by the name of the column.
    """
    last_tick = engine.run(ticks.aggregate(last=ticks[TICK].max()))["last"][0].as_py() or 0
    rows = rows.mutate(**{LEAVE: ibis.least(rows[LEAVE], last_tick + 1)})
    rows = rows.filter(rows[ENTER] < rows[LEAVE])
    longest = engine.run(rows.aggregate(longest=(rows[LEAVE] - rows[ENTER]).max()))["longest"][0].as_py() or 1
    sizes = [2**level for level in range(int(longest).bit_length())]
    levels = engine.arrow("levels", pa.table({_LEVEL: range(len(sizes)), _SIZE: sizes}))
    blocks = engine.keep("blocks", _blocks(rows, levels, best))
    looked_up = ticks.select(ENTITY, TICK).cross_join(levels)
    looked_up = looked_up.mutate(**{_BLOCK: floor_divide(looked_up[TICK], looked_up[_SIZE])})
    found = looked_up.join(blocks, [ENTITY, _LEVEL, _BLOCK])
    return found.group_by(ENTITY, TICK).aggregate(**{name: _extreme(found, name, best) for name in best})


def _blocks(rows: Any, levels: Any, best: Mapping[str, str]) -> Any:
    """Return the extremes within each block that some row fills."""
    cut = rows.select(ENTITY, ENTER, LEAVE, *best).cross_join(levels)
    cut = cut.mutate(_first=ceil_divide(cut[ENTER], cut[_SIZE]), _end=floor_divide(cut[LEAVE], cut[_SIZE]))
    cut = cut.filter(cut["_first"] < cut["_end"])
    left = cut.filter((cut["_first"] & 1) == 1).mutate(**{_BLOCK: lambda table: table["_first"]})
    right = cut.filter((cut["_end"] & 1) == 1).mutate(**{_BLOCK: lambda table: table["_end"] - 1})
    whole = left.union(right)
    grouped = whole.group_by(ENTITY, _LEVEL, _BLOCK)
    return grouped.aggregate(**{name: _extreme(whole, name, best) for name in best})


def _extreme(table: Any, name: str, best: Mapping[str, str]) -> Any:
    return table[name].min() if best[name] == "min" else table[name].max()
