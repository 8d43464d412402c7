"""Aggregates over the intervals that hold an instant, for many questions at once.

A cell counts for its entity at every tick in ``[enter, leave)``. Sorted by entity and entry, the cells that count at
a tick are one contiguous range as long as what enters first also leaves first. Cells that break this (late rows,
replaced rows) go to a lane of their own, so that each lane has the property and a question asks each lane once.
Sums are differences of running sums, extremes a sparse table (https://en.wikipedia.org/wiki/Range_minimum_query).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Lane:
    """Cells of which those that count at a question's tick are ``[low, high)``; `places` None means all, in order."""

    places: Ints | None
    low: Ints
    high: Ints

    def of(self, values: Array) -> Array:
        """Return the lane's values, in its order."""
        return values if self.places is None else values[self.places]


class Entries:
    """Cells in the order in which they begin to count, and how many have begun at each question's tick.

    Parameters
    ----------
    entity
        One whole number for each cell, at least 0.
    enter
        The first tick at which a cell counts.
    asked_entity, asked_tick
        The questions, sorted by entity and tick; -1 is an entity without cells.
    """

    def __init__(self, entity: Ints, enter: Ints, asked_entity: Ints, asked_tick: Ints) -> None:
        self.cells, self.questions = len(entity), len(asked_tick)
        self._first, last = (int(asked_tick.min()), int(asked_tick.max())) if self.questions else (0, 0)
        self._width = last - self._first + 2
        self._ticks: Ints | None = None
        last_entity = max(int(entity.max(initial=0)), int(asked_entity.max(initial=0)))
        if (last_entity + 1) * self._width >= 2**62:
            self._ticks = np.unique(asked_tick)  # a tick between two questions is as good as the later one
            self._first, self._width = 0, len(self._ticks) + 1
        self._entity = entity * self._width
        enter = self._within(enter)
        self.places: Ints | None = None
        if not self.questions or int(enter.max(initial=0)) > self._width - 2:  # those enter after the last question
            self.places = np.flatnonzero(enter <= self._width - 2 if self.questions else np.zeros(self.cells, bool))
            enter, self._entity = enter[self.places], self._entity[self.places]
        self.starts = self._entity + enter
        if not _rises(self.starts):
            order = np.argsort(self.starts, kind="stable")
            self.places = order if self.places is None else self.places[order]
            self.starts, self._entity = self.starts[order], self._entity[order]
        self.asked = asked_entity * self._width + self._within(asked_tick)
        self.high = np.searchsorted(self.starts, self.asked, "right")

    def _within(self, tick: Ints) -> Ints:
        """Return ticks counted from the first question, none before it and none beyond the one after the last."""
        moved = tick - self._first if self._ticks is None else np.searchsorted(self._ticks, tick)
        np.maximum(moved, 0, out=moved)
        return np.minimum(moved, self._width - 1, out=moved)

    def ends(self, leave: Ints | None) -> Ints:
        """Return where cells stop counting, comparable with `starts`."""
        if leave is None:
            return self._entity + (self._width - 1)
        return self._entity + self._within(leave if self.places is None else leave[self.places])


class Ranges:
    """The cells that count at each question's tick: those that have entered, and have not left.

    Parameters
    ----------
    leave
        The first tick at which each cell no longer counts; None where all of them count forever.
    """

    def __init__(self, entries: Entries, leave: Ints | None) -> None:
        self.questions, self._cells = entries.questions, entries.cells
        self._lanes = list(_lanes(entries, entries.ends(leave)))
        self._in_order: bool | None = None

    def sums(self, values: Ints) -> Ints:
        """Return the sum of a whole number over the cells that count, which fits into 64 bits."""
        total = np.zeros(self.questions, np.int64)
        for lane in self._lanes:
            running = np.zeros(len(lane.of(values)) + 1, np.int64)
            np.cumsum(lane.of(values), out=running[1:])
            total += running[lane.high] - running[lane.low]
        return total

    def members(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Return each question from `first` to before `last` with every cell that counts for it, as two columns."""
        questions, cells = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for lane in self._lanes:
            low = lane.low[first:last]
            length = np.maximum(lane.high[first:last] - low, 0)
            places = spread_out(low, length)
            questions.append(np.repeat(np.arange(first, last), length))
            cells.append(places if lane.places is None else lane.places[places])
        return np.concatenate(questions), np.concatenate(cells)

    def extremes(self, values: Array, nothing: Any, *, greatest: bool) -> Array:
        """Return the smallest or greatest value over the cells that count.

        Parameters
        ----------
        nothing
            What a cell without a value holds: no value is beyond it. Questions without any value get it back.
        """
        better = np.maximum if greatest else np.minimum
        best = np.full(self.questions, nothing, values.dtype)
        for lane in self._lanes:
            better(best, _in_ranges(lane.of(values), lane.low, lane.high, nothing, better), out=best)
        return best

    def newest(self, entity: Ints, event: Ints, known: Array, ties: Callable[[], Sequence[Ints]]) -> Ints:
        """Return the place of the newest cell, over those that count and take part; -1 where there is none.

        Parameters
        ----------
        entity, event
            Of each cell; the later event is the newer one.
        known
            Which cells take part.
        ties
            Gives what else cells are ordered by, the most important first; called where events of an entity tie.
        """
        order = self._sorting(entity, event, ties)
        if order is None:
            return self._last_known(self._lanes[0], known)
        places, rank = self._ranked(order)
        best = self.extremes(np.where(known, rank, -1), -1, greatest=True)
        return np.where(best >= 0, places[best], -1) if self._cells else best

    def oldest(self, entity: Ints, event: Ints, known: Array, ties: Callable[[], Sequence[Ints]]) -> Ints:
        """Return the place of the oldest cell, as `newest` does."""
        order = self._sorting(entity, event, ties)
        if order is None:
            return self._first_known(self._lanes[0], known)
        places, rank = self._ranked(order)
        best = self.extremes(np.where(known, rank, self._cells), self._cells, greatest=False)
        if not self._cells:
            return np.full(self.questions, -1, np.int64)
        return np.where(best < self._cells, places[np.minimum(best, self._cells - 1)], -1)

    def _sorting(self, entity: Ints, event: Ints, ties: Callable[[], Sequence[Ints]]) -> list[Ints] | None:
        """Return by what cells are to be sorted from the oldest to the newest; None where they are."""
        if self._in_order is None:
            self._in_order = len(self._lanes) == 1 and _is_sorted(self._lanes[0], [entity, event], ties=False)
        if self._in_order:
            return None
        order = [entity, event, *ties()]
        return None if len(self._lanes) == 1 and _is_sorted(self._lanes[0], order, ties=True) else order

    def _ranked(self, order: Sequence[Ints]) -> tuple[Ints, Ints]:
        """Return the cells in an order, and the place of each in it."""
        places = np.lexsort(tuple(reversed(order)))
        rank = np.empty(self._cells, np.int64)
        rank[places] = np.arange(self._cells)
        return places, rank

    def _last_known(self, lane: _Lane, known: Array) -> Ints:
        places = np.arange(self._cells) if lane.places is None else lane.places
        if len(places) == 0:
            return np.full(self.questions, -1, np.int64)
        place = np.maximum(lane.high - 1, 0)
        if not known.all():
            place = np.maximum.accumulate(np.where(lane.of(known), np.arange(len(places)), -1))[place]
        return np.where((lane.high > lane.low) & (place >= lane.low), places[place], -1)

    def _first_known(self, lane: _Lane, known: Array) -> Ints:
        places = np.arange(self._cells) if lane.places is None else lane.places
        count = len(places)
        if count == 0:
            return np.full(self.questions, -1, np.int64)
        place = np.minimum(lane.low, count - 1)
        if not known.all():
            after = np.where(lane.of(known), np.arange(count), count)[::-1]
            place = np.minimum.accumulate(after)[::-1][place]
        some = (lane.high > lane.low) & (place < lane.high)
        return np.where(some, places[np.minimum(place, count - 1)], -1)


def spread_out(starts: Ints, length: Ints) -> Ints:
    """Return the whole numbers from each start on, as many as its length, one after the other.

    >>> spread_out(np.array([7, 3]), np.array([2, 3])).tolist()
    [7, 8, 3, 4, 5]
    """
    before = np.cumsum(length) - length
    places: Ints = np.arange(int(length.sum())) + np.repeat(starts - before, length)
    return places


def _lanes(entries: Entries, ends: Ints) -> Iterator[_Lane]:
    """Yield the cells that count for any question, in lanes within which whatever enters first leaves first."""
    starts, places, asked = entries.starts, entries.places, entries.asked
    counts = starts < ends
    if counts.all() and _rises(ends):
        if len(starts):
            yield _Lane(places, np.searchsorted(ends, asked, "right"), entries.high)
        return
    places = np.flatnonzero(counts) if places is None else places[counts]
    starts, ends = starts[counts], ends[counts]
    while len(starts):
        keeps = np.maximum.accumulate(ends) == ends
        low, high = (np.searchsorted(edges[keeps], asked, "right") for edges in (ends, starts))
        yield _Lane(places[keeps], low, high)
        starts, ends, places = starts[~keeps], ends[~keeps], places[~keeps]


def _rises(values: Ints) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _is_sorted(lane: _Lane, order: Sequence[Ints], *, ties: bool) -> bool:
    """Return whether a lane's cells come in the given order, with ties or without."""
    columns = [lane.of(column) for column in order]
    count = max(len(columns[0]) - 1, 0)
    rises, same = np.zeros(count, bool), np.ones(count, bool)
    for column in columns:
        rises |= same & (column[1:] > column[:-1])
        same &= column[1:] == column[:-1]
    return bool((rises | same if ties else rises).all())


def _in_ranges(values: Array, low: Ints, high: Ints, nothing: Any, better: Any) -> Array:
    """Return the best value in each range, from blocks whose lengths are powers of two."""
    best = np.full(len(low), nothing, values.dtype)
    length = high - low
    level = np.frexp(np.maximum(length, 1).astype(np.float64))[1] - 1
    level[length <= 0] = -1
    block = values.copy()
    for number in range(int(level.max(initial=-1)) + 1):
        size = 1 << number
        asks = np.flatnonzero(level == number)
        best[asks] = better(block[low[asks]], block[high[asks] - size])
        better(block[:-size], block[size:], out=block[:-size])
    return best
