"""The parts of features over windows, at any set of questions (entity, tick), from cells.

There are two forms with one meaning. Where the engine shares the process's memory, ranges over sorted arrays are
several times faster than any join; elsewhere it is one join, and one group for each question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import exact_sums, halves_of
from ml_platform.core.engines.interval_index import Entries, Ints, Ranges
from ml_platform.declarations.aggregates import PartialAggregate
from ml_platform.declarations.types import Window
from ml_platform.features.aggregates.answers import WindowedAggregate
from ml_platform.features.aggregates.partials import of_cells
from ml_platform.features.aggregates.value_counts import CellCounts
from ml_platform.features.entity_codes import numbered
from ml_platform.features.entity_partitions import Block, CellColumns, Cells, EntityTicks, cut
from ml_platform.features.tiles import EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL, Grain
from ml_platform.features.visibility import is_after_start, is_in_window, is_known
from ml_platform.storage.chunks import at_once

TICK = "_tick"
_SIGN = np.int64(-(2**63))


@dataclass(frozen=True)
class LookupResult:
    """The parts of distinct questions.

    Attributes
    ----------
    parts
        ``_tick`` and the parts, one row for each question.
    number
        Which of them each row asked.
    """

    parts: pa.Table
    number: Ints


def lookup_by_ranges(
    cells: Cells, asked: pa.Table, keys: Mapping[str, str], wanted: Sequence[WindowedAggregate], threads: int = 1
) -> LookupResult:
    """Return the parts that answer questions. Nothing depends on how many threads there are.

    Parameters
    ----------
    asked
        Questions: the columns that `keys` names for each key column, and ``_tick`` in whole refresh intervals.
    """
    parts = dict.fromkeys(item.part.column for item in wanted)
    ahead = any(item.window.end > timedelta(0) for item in wanted)
    needed = {EVENT_UNIT: True, KNOWN_FROM: ahead or not cells.prompt, KNOWN_UNTIL: cells.replaced}
    times = [name for name, needs in needed.items() if needs]
    columns = CellColumns(cells, [*keys, *times, *parts])
    numbers, asked_number = numbered(columns.chunks, asked, keys)
    questions = EntityTicks.of(asked_number, asked[TICK].to_numpy())
    blocks = cut(columns, numbers, questions)
    answers = at_once(lambda block: _Answers(block, cells.grain, times).to(wanted), blocks, threads)
    return LookupResult(_below(answers), questions.number)


def _below(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables one below the other; a sum that is a decimal in one of them is one in all."""
    schema = tables[0].schema
    for table in tables[1:]:
        for place, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                schema = schema.set(place, field)
    return pa.concat_tables([table.cast(schema) for table in tables])


class _Answers:
    """Parts for the questions of one block; what several of them need is worked out once."""

    def __init__(self, block: Block, grain: Grain, times: Sequence[str]) -> None:
        self._block, self._grain, self._entity = block, grain, block.entity
        self._event = block.column(EVENT_UNIT).to_numpy()
        self._known, self._until = (
            block.column(name).to_numpy() if name in times else None for name in (KNOWN_FROM, KNOWN_UNTIL)
        )
        self._columns: dict[str, pa.Array] = {}
        self._counts: dict[str, CellCounts] = {}
        self._entries: dict[timedelta, Entries] = {}
        self._ranges: dict[Window, Ranges] = {}

    def to(self, wanted: Sequence[WindowedAggregate]) -> pa.Table:
        """Return ``_tick`` and the parts, one row for each question."""
        return pa.table({TICK: self._block.tick} | {item.column: self._of(item) for item in wanted})

    def _of(self, wanted: WindowedAggregate) -> pa.Array:
        ranges, part = self._in(wanted.window), wanted.part
        column = self._column(part)
        if part.measure in ("newest", "oldest"):
            return self._newest(ranges, part, column)
        if part.measure == "counts":
            return self._counts_of(part, column).reduced(ranges, wanted.reduce)
        if part.measure in ("least", "greatest"):
            return _extreme(ranges, column, greatest=part.measure == "greatest")
        return exact_sums(ranges, column)

    def _column(self, part: PartialAggregate) -> pa.Array:
        if part.column not in self._columns:
            self._columns[part.column] = self._block.column(part.column)
        return self._columns[part.column]

    def _counts_of(self, part: PartialAggregate, column: pa.Array) -> CellCounts:
        if part.column not in self._counts:
            self._counts[part.column] = CellCounts(column)
        return self._counts[part.column]

    def _in(self, window: Window) -> Ranges:
        if window not in self._ranges:
            leave = self._until
            if window.start is not None:
                leave = self._moved(window.start) if leave is None else np.minimum(self._moved(window.start), leave)
            self._ranges[window] = Ranges(self._entered(window.end), leave)
        return self._ranges[window]

    def _entered(self, end: timedelta) -> Entries:
        if end not in self._entries:
            enter, block = self._moved(end), self._block
            if self._known is not None:
                enter = np.maximum(enter, self._known)
            self._entries[end] = Entries(self._entity, enter, block.asked_entity, block.tick)
        return self._entries[end]

    def _moved(self, end: timedelta) -> Ints:
        """Return the first tick at which one end of a window has reached each cell's events."""
        units: Ints = self._event - self._grain.in_units(end)
        return -(-units // self._grain.units) if self._grain.units > 1 else units

    def _newest(self, ranges: Ranges, part: PartialAggregate, column: pa.Array) -> pa.Array:
        def ties() -> Sequence[Ints]:
            low, high = halves_of(self._column(part.order))
            return high, low ^ _SIGN  # the lower half has no sign

        order = column  # of rows that take part, unless they may be null
        if part.nulls and part.where is not None:
            order = self._column(part.order)
        known = np.ones(len(column), bool)
        if order.null_count and (not part.nulls or part.where is not None):
            known = pc.is_valid(order).to_numpy(zero_copy_only=False)
        choose = ranges.newest if part.measure == "newest" else ranges.oldest
        places = choose(self._entity, self._event, known, ties)
        return column.take(pa.array(places, mask=places < 0))


def _extreme(ranges: Ranges, column: pa.Array, *, greatest: bool) -> pa.Array:
    kind, valid = column.type, pc.is_valid(column).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        nothing: float | int = -np.inf if greatest else np.inf
        values = pc.fill_null(column, nothing).to_numpy()
    else:
        limits = np.iinfo(np.int64)
        nothing = limits.min if greatest else limits.max
        values = np.where(valid, pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False), nothing)
    extremes = ranges.extremes(values, nothing, greatest=greatest)
    empty = ranges.sums(valid.astype(np.int64)) == 0
    return pa.array(np.where(empty, 0, extremes), mask=empty).cast(kind)


def lookup_by_join(
    cells: Any, grain: Grain, asked: Any, keys: Mapping[str, str], wanted: Sequence[WindowedAggregate]
) -> Any:
    """Return questions with their parts, one row each, for Ibis; `lookup_by_ranges` is its twin over arrays.

    Questions are distinct, and their columns are kept.
    """
    cells = cells.rename({f"_key_{key}": key for key in keys})
    windows = dict.fromkeys(item.window for item in wanted)
    now = asked[TICK] * grain.units
    same = [asked[name] == cells[f"_key_{key}"] for key, name in keys.items()]
    known = [is_known(cells[KNOWN_FROM], cells[KNOWN_UNTIL], asked[TICK])]
    starts = [window.start for window in windows]
    if None not in starts:
        longest = min(grain.in_units(start) for start in starts if start is not None)
        known.append(is_after_start(cells[EVENT_UNIT], now, longest))
    joined = asked.left_join(cells, [*same, *known])
    aggregates = {item.column: of_cells(joined, item.part, _counts(joined, grain, item.window)) for item in wanted}
    return joined.group_by(list(asked.columns)).aggregate(**aggregates)


def _counts(joined: Any, grain: Grain, window: Window) -> Any:
    start = None if window.start is None else grain.in_units(window.start)
    inside = is_in_window(joined[EVENT_UNIT], joined[TICK] * grain.units, start, grain.in_units(window.end))
    return inside.fill_null(False)
