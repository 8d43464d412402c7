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

from ml_platform.engine.ranges import Entries, Ints, Ranges
from ml_platform.engine.sums import combined, exact_sums, halves_of
from ml_platform.features.cells import EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL, Grain
from ml_platform.features.parts import Part, of_cells
from ml_platform.features.stored_cells import StoredCells
from ml_platform.spec.types import Window

TICK = "_tick"
_CLOSE = 2**31


@dataclass(frozen=True)
class Wanted:
    """One part over one window."""

    window: Window
    part: Part

    @property
    def column(self) -> str:
        """The name of its column among the answers."""
        return f"{self.window.label}:{self.part.column}"


def in_ranges(cells: StoredCells, asked: pa.Table, keys: Mapping[str, str], wanted: Sequence[Wanted]) -> pa.Table:
    """Return questions with their parts, one row each, in another order.

    Parameters
    ----------
    asked
        Questions: the columns that `keys` names for each key column, and ``_tick`` in whole refresh intervals.
    """
    parts = dict.fromkeys(item.part.column for item in wanted)
    ahead = any(item.window.end > timedelta(0) for item in wanted)
    times = {EVENT_UNIT: True, KNOWN_FROM: ahead or not cells.prompt, KNOWN_UNTIL: cells.replaced}
    read = cells.read([*keys, *(name for name, needed in times.items() if needed), *parts])
    entity, asked_entity = _numbered(read, asked, keys)
    tick = asked[TICK].to_numpy()
    order = _sorted_places(asked_entity, tick)
    asked, tick, asked_entity = asked.take(pa.array(order)), tick[order], asked_entity[order]
    answers = _Answers(cells, read, entity, asked_entity, tick)
    for item in wanted:
        asked = asked.append_column(item.column, answers.of(item))
    return asked


class _Answers:
    """Parts for sorted questions; what several of them need is worked out once."""

    def __init__(self, cells: StoredCells, read: pa.Table, entity: Ints, asked_entity: Ints, tick: Ints) -> None:
        self._cells, self._read, self._grain, self._entity = cells, read, cells.grain, entity
        self._asked_entity, self._tick = asked_entity, tick
        self._event = read[EVENT_UNIT].to_numpy()
        self._known, self._until = (
            read[name].to_numpy() if name in read.column_names else None for name in (KNOWN_FROM, KNOWN_UNTIL)
        )
        self._entries: dict[timedelta, Entries] = {}
        self._ranges: dict[Window, Ranges] = {}

    def of(self, wanted: Wanted) -> pa.Array:
        ranges, part = self._in(wanted.window), wanted.part
        column = self._read[part.column]
        if part.measure == "newest":
            return self._newest(ranges, part, combined(column))
        if part.measure in ("least", "greatest"):
            return _extreme(ranges, combined(column), greatest=part.measure == "greatest")
        return exact_sums(ranges, column)

    def _in(self, window: Window) -> Ranges:
        if window not in self._ranges:
            leave = self._until
            if window.start is not None:
                leave = self._moved(window.start) if leave is None else np.minimum(self._moved(window.start), leave)
            self._ranges[window] = Ranges(self._entered(window.end), leave)
        return self._ranges[window]

    def _entered(self, end: timedelta) -> Entries:
        if end not in self._entries:
            enter = self._moved(end)
            if self._known is not None:
                enter = np.maximum(enter, self._known)
            self._entries[end] = Entries(self._entity, enter, self._asked_entity, self._tick)
        return self._entries[end]

    def _moved(self, end: timedelta) -> Ints:
        """Return the first tick at which one end of a window has reached each cell's events."""
        units: Ints = self._event - self._grain.in_units(end)
        return -(-units // self._grain.units) if self._grain.units > 1 else units

    def _newest(self, ranges: Ranges, part: Part, column: pa.Array) -> pa.Array:
        def ties() -> Sequence[Ints]:
            low, high = halves_of(combined(self._cells.read([part.order.column])[part.order.column]))
            return high, low  # places in the log are below 2**63

        told = column  # of rows that take part, unless they may be null
        if part.nulls and part.where is not None:
            told = combined(self._cells.read([part.order.column])[part.order.column])
        known = np.ones(len(column), bool)
        if told.null_count and (not part.nulls or part.where is not None):
            known = pc.is_valid(told).to_numpy(zero_copy_only=False)
        places = ranges.newest(self._entity, self._event, known, ties)
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
    found = ranges.extremes(values, nothing, greatest=greatest)
    empty = ranges.sums(valid.astype(np.int64)) == 0
    return pa.array(np.where(empty, 0, found), mask=empty).cast(kind)


def _numbered(cells: pa.Table, asked: pa.Table, keys: Mapping[str, str]) -> tuple[Ints, Ints]:
    """Return a number for each entity, the same in both tables; -1 for one without cells."""
    number, asked_number = np.zeros(cells.num_rows, np.int64), np.zeros(asked.num_rows, np.int64)
    if len(keys) == 1 and (found := _as_they_are(*((cells[key], asked[name]) for key, name in keys.items()))):
        return found
    for key, name in keys.items():
        encoded = combined(cells[key]).dictionary_encode()
        found = pc.fill_null(pc.index_in(asked[name], encoded.dictionary), -1).to_numpy().astype(np.int64)
        size = len(encoded.dictionary)
        number = number * size + encoded.indices.to_numpy()
        asked_number = np.where((found < 0) | (asked_number < 0), -1, asked_number * size + found)
        if len(keys) > 1:
            number, asked_number = _renumbered(number, asked_number)
    return number, asked_number


def _as_they_are(columns: tuple[pa.ChunkedArray, pa.ChunkedArray]) -> tuple[Ints, Ints] | None:
    """Return whole numbers that lie close together as they are, counted from the least; None where they do not."""
    key, asked = columns
    if not pa.types.is_int64(key.type) or not len(key):
        return None
    ends = pc.min_max(key).as_py()
    if ends["max"] - ends["min"] >= _CLOSE:
        return None
    known = pc.and_(pc.greater_equal(asked, ends["min"]), pc.less_equal(asked, ends["max"]))
    number = pc.if_else(pc.fill_null(known, False), asked, ends["min"] - 1)
    return key.to_numpy() - ends["min"], pc.fill_null(number, ends["min"] - 1).to_numpy() - ends["min"]


def _sorted_places(entity: Ints, tick: Ints) -> Ints:
    """Return the places of questions in the order of entity and tick."""
    if len(tick) == 0:
        return np.zeros(0, np.int64)
    width = int(tick.max()) - int(tick.min()) + 1
    if (int(entity.max()) + 2) * width >= 2**62:
        return np.lexsort((tick, entity))
    return np.argsort((entity + 1) * width + (tick - tick.min()))


def _renumbered(number: Ints, asked_number: Ints) -> tuple[Ints, Ints]:
    """Return numbers from 0 without gaps, so that those of several key columns never grow too large."""
    seen, renumbered = np.unique(number, return_inverse=True)
    if len(seen) == 0:
        return number, np.full(len(asked_number), -1)
    place = np.minimum(np.searchsorted(seen, asked_number), len(seen) - 1)
    return renumbered, np.where(seen[place] == asked_number, place, -1)


def by_join(cells: Any, grain: Grain, asked: Any, keys: Mapping[str, str], wanted: Sequence[Wanted]) -> Any:
    """Return questions with their parts, one row each, for Ibis; `in_ranges` is its twin over arrays.

    Questions are distinct, and their columns are kept.
    """
    cells = cells.rename({f"_key_{key}": key for key in keys})
    windows = dict.fromkeys(item.window for item in wanted)
    now = asked[TICK] * grain.units
    same = [asked[name] == cells[f"_key_{key}"] for key, name in keys.items()]
    known = [cells[KNOWN_FROM] <= asked[TICK], asked[TICK] < cells[KNOWN_UNTIL]]
    starts = [window.start for window in windows]
    if None not in starts:
        longest = min(grain.in_units(start) for start in starts if start is not None)
        known.append(cells[EVENT_UNIT] - longest > now)
    joined = asked.left_join(cells, [*same, *known])
    found = {item.column: of_cells(joined, item.part, _counts(joined, grain, item.window)) for item in wanted}
    return joined.group_by(list(asked.columns)).aggregate(**found)


def _counts(joined: Any, grain: Grain, window: Window) -> Any:
    event, now = joined[EVENT_UNIT], joined[TICK] * grain.units
    counts = event - grain.in_units(window.end) <= now
    if window.start is not None:
        counts = counts & (event - grain.in_units(window.start) > now)
    return counts.fill_null(False)
