"""Distinct values with how many rows have each: in cells as sorted lists, and merged over the cells of a window.

Values are compared in NumPy and Arrow on either engine, so that ties and the order of texts cannot differ. What is
kept grows with the number of distinct values in a cell; what a look-up does, with those of all cells in its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.interval_index import Ints, Ranges, spread_out
from ml_platform.declarations.aggregates import ValueCounts

_AT_ONCE = 2**20
VALUE, COUNT = "value", "count"

Reduce = Callable[[ValueCounts], pa.Array]


def counted_lists(lists: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return lists of values as lists of distinct values in their order, each with its count; none is null."""
    array = combined(lists)
    counted = _counted(_owners(array), array.flatten(), None, len(array))
    pairs = pa.StructArray.from_arrays([counted.values, pa.array(counted.counts)], [VALUE, COUNT])
    return pa.ListArray.from_arrays(pa.array(counted.starts, pa.int32()), pairs)


def reduced_groups(groups: pa.Array | pa.ChunkedArray, reduce: Reduce) -> pa.Array:
    """Return what `reduce` gives for groups of cells: lists of the lists that `counted_lists` made."""
    array = combined(groups)
    cells = array.flatten()
    pairs = cells.flatten()
    owners = _owners(array)[_owners(cells)]
    return reduce(_counted(owners, pairs.field(VALUE), pairs.field(COUNT).to_numpy(), len(array)))


class CellCounts:
    """The lists of a block's cells, whose values are ranked once for all questions."""

    def __init__(self, cells: pa.Array) -> None:
        pairs = cells.flatten()
        self._starts = cells.offsets.to_numpy().astype(np.int64) - cells.offsets[0].as_py()
        self._counts = pairs.field(COUNT).to_numpy()
        self._rank, self._values = _ranked(pairs.field(VALUE))

    def reduced(self, ranges: Ranges, reduce: Reduce) -> pa.Array:
        """Return what `reduce` gives for each question, over the cells that count; so many values at once."""
        sizes = ranges.sums(np.diff(self._starts))
        return pa.concat_arrays([self._of(ranges, first, last, reduce) for first, last in _slices(sizes)])

    def _of(self, ranges: Ranges, first: int, last: int, reduce: Reduce) -> pa.Array:
        questions, cells = ranges.members(first, last)
        length = self._starts[cells + 1] - self._starts[cells]
        places = spread_out(self._starts[cells], length)
        owners = np.repeat(questions - first, length)
        return reduce(_merged(owners, self._rank[places], self._values, self._counts[places], last - first))


def _slices(sizes: Ints) -> Iterator[tuple[int, int]]:
    """Yield stretches of questions with so many values at once, but at least one question."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, before + _AT_ONCE, "right")), first + 1)
        yield first, last
        first = last
    if not len(sizes):
        yield 0, 0


def _owners(lists: pa.Array) -> Ints:
    """Return the number of the list that each of the flattened values is in; a null list has none."""
    length = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    return np.repeat(np.arange(len(lists)), length)


def _counted(owners: Ints, values: pa.Array, counts: Ints | None, windows: int) -> ValueCounts:
    rank, distinct = _ranked(values)
    return _merged(owners, rank, distinct, np.ones(len(rank), np.int64) if counts is None else counts, windows)


def _ranked(values: pa.Array) -> tuple[Ints, pa.Array]:
    """Return the rank of each value, and the distinct values in their order; -0.0 is 0.0."""
    if pa.types.is_floating(values.type):
        values = pc.add(values, 0.0)
    encoded = values.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    return rank[encoded.indices.to_numpy(zero_copy_only=False)], encoded.dictionary.take(order)


def _merged(owners: Ints, rank: Ints, distinct: pa.Array, counts: Ints, windows: int) -> ValueCounts:
    """Return values of windows in their order, each once in a window."""
    order = np.lexsort((rank, owners))
    owners, rank, counts = owners[order], rank[order], counts[order]
    new = np.ones(len(owners), bool)
    new[1:] = (owners[1:] != owners[:-1]) | (rank[1:] != rank[:-1])
    places = np.flatnonzero(new)
    total = np.add.reduceat(counts, places) if len(places) else counts
    starts = np.searchsorted(owners[places], np.arange(windows + 1))
    return ValueCounts(starts, distinct.take(pa.array(rank[places])), total)
