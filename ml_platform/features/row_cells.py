"""Cells that are used once and then thrown away: those of a label over a window.

A cell may be any set of rows that enter and leave the window together, and what is looked up is the same for each
choice. To group rows that are nearly all alone in their cell takes longer than everything that follows, so that such
rows are cells as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.declarations.aggregates import PartialAggregate
from ml_platform.features.aggregates.partials import RowParts, is_of_row
from ml_platform.features.tiles import Grain, cell_columns, float_spans, grouped, timed_rows

_LOOKED_AT = 2**16
_MOST = 2**24
_ALONE = 0.8


def cells_for_once(engine: Engine, rows: Any, grain: Grain, parts: Mapping[str, PartialAggregate]) -> pa.Table:
    """Return cells of source rows, in any order: one for each row where nearly all rows are alone in their cell.

    Parameters
    ----------
    rows
        Source rows of numbered chunks (`ml_platform.sources.source_log.numbered_versions`), for Ibis.
    """
    by, timed, spans = cell_columns(grain), timed_rows(rows, grain), float_spans(engine, rows, parts)
    if not (engine.shares_memory and all(map(is_of_row, parts.values())) and _are_alone(engine, timed, by)):
        return grouped(engine, timed, by, parts, spans)
    row_parts = RowParts(timed, parts.values(), spans, by)
    return engine.run(row_parts.rows.select(*by, **row_parts.of_each_row()))


def _are_alone(engine: Engine, rows: Any, by: list[str]) -> bool:
    """Return whether most of some rows are alone in their cell; false where there are too many rows to sort."""
    some = rows.limit(_LOOKED_AT).select(by)
    cells = some.group_by(by).aggregate(_rows=some.count())
    counted = engine.run(cells.aggregate(cells=cells.count(), rows=cells["_rows"].sum())).to_pylist()[0]
    if counted["cells"] < _ALONE * (counted["rows"] or 0):
        return False
    if counted["rows"] != _LOOKED_AT:
        return True
    count = engine.run(rows.aggregate(rows=rows.count()))["rows"][0].as_py()
    return bool(count <= _MOST)
