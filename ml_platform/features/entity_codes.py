"""Numbers for entities: one whole number for each key, in the order of keys, over the cells of several chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.interval_index import Ints
from ml_platform.storage.chunks import at_once

_CLOSE = 2**31
_MANY = 2**40


def numbered(chunks: Sequence[pa.Table], asked: pa.Table, keys: Mapping[str, str]) -> tuple[list[Ints], Ints]:
    """Return a number for each cell's entity, by chunk, and the same for each question.

    Parameters
    ----------
    keys
        The column of `asked` that holds each key column of the cells.

    Returns
    -------
    Numbers that rise with the key. The number of an entity without cells is that of no cell; null is one of them.
    """
    if len(keys) == 1:
        ((key, name),) = keys.items()
        if (as_they_are := _as_they_are([chunk[key] for chunk in chunks], asked[name])) is not None:
            return as_they_are
    numbers, asked_number, size = [np.zeros(len(chunk), np.int64) for chunk in chunks], np.zeros(len(asked), int), 1
    for key, name in keys.items():
        ranks, asked_rank, count = _ranked([chunk[key] for chunk in chunks], asked[name])
        if size * count >= _MANY:
            numbers, asked_number, size = _without_gaps(numbers, asked_number)
        numbers = [number * count + rank for number, rank in zip(numbers, ranks, strict=True)]
        asked_number = np.where((asked_rank < 0) | (asked_number < 0), -1, asked_number * count + asked_rank)
        size *= count
    return numbers, asked_number


def _as_they_are(columns: Sequence[pa.ChunkedArray], asked: pa.ChunkedArray) -> tuple[list[Ints], Ints] | None:
    """Return whole numbers that lie close together as they are; None where they do not."""
    if not columns or not all(pa.types.is_int64(column.type) for column in (*columns, asked)):
        return None
    values: list[Ints] = [column.to_numpy() for column in columns]
    some = [value for value in values if len(value)]
    least, greatest = min((int(v[0]) for v in some), default=0), max((int(v[-1]) for v in some), default=0)
    if greatest - least >= _CLOSE or not -(2**62) < least < 2**62:
        return None
    if not asked.null_count and len(asked):
        wanted = asked.to_numpy()
        if least - _CLOSE < wanted.min() and wanted.max() < least + _CLOSE:
            return values, wanted
    known = pc.and_(pc.greater_equal(asked, least), pc.less_equal(asked, greatest))
    number = pc.if_else(pc.fill_null(known, False), asked, least - 1)
    return values, pc.fill_null(number, least - 1).to_numpy()


def _ranked(columns: Sequence[pa.ChunkedArray], asked: pa.ChunkedArray) -> tuple[list[Ints], Ints, int]:
    """Return the rank of each value among all of the cells, -1 for others, and how many ranks there are."""
    encoded = at_once(lambda column: combined(column).dictionary_encode(), columns)
    values = pa.chunked_array([item.dictionary for item in encoded], columns[0].type).unique()
    values = values.take(pc.sort_indices(values))
    ranks = [pc.index_in(item.dictionary, values).to_numpy().astype(np.int64)[item.indices] for item in encoded]
    places = pc.fill_null(pc.index_in(asked, values), -1).to_numpy().astype(np.int64)
    return ranks, places, max(len(values), 1)


def _without_gaps(numbers: Sequence[Ints], asked: Ints) -> tuple[list[Ints], Ints, int]:
    """Return numbers from 0 without gaps, so that those of several key columns never grow too large."""
    seen = np.unique(np.concatenate([np.unique(number) for number in numbers]))
    if len(seen) == 0:
        return list(numbers), np.full(len(asked), -1), 1
    place = np.minimum(np.searchsorted(seen, asked), len(seen) - 1)
    renumbered = [np.searchsorted(seen, number) for number in numbers]
    return renumbered, np.where(seen[place] == asked, place, -1), len(seen)
