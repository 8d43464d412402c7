"""Sorting tables by several columns at once, which puts rows into their one canonical order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import combined

_LARGEST, _FEW = 2**62, 2**16
_Numbers = np.ndarray[Any, Any]


def sorted_by(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return the rows sorted by columns without nulls; texts by their bytes.

    Rows that are in order are returned as they are. Rows that are in the order of all columns but the first, as those
    of entities at many ticks are, are not compared with each other: the first column alone gives their places.
    """
    first, *rest = (_ranked(combined(table[name])) for name in columns)
    if _rises(_packed(rest)):
        values, span = first
        order = (
            None
            if _rises([values])
            else np.argsort(values.astype(np.uint16) if span <= _FEW else values, kind="stable")
        )
    else:
        numbers = _packed([first, *rest])
        order = None if _rises(numbers) else _order_of(numbers)
    if order is None:
        return table
    places = pa.array(order)  # columns one by one: a table is first put together, which takes three times as long
    return pa.Table.from_arrays([column.take(places) for column in table.columns], schema=table.schema)


def _order_of(numbers: Sequence[_Numbers]) -> _Numbers:
    """Return the places of rows in their order; rows that are equal stay in the order that they have."""
    if len(numbers) == 1:
        order = np.argsort(numbers[0])  # not stable, and twice as fast
        values = numbers[0][order]
        if bool((values[1:] != values[:-1]).all()):
            return order
    return np.lexsort(numbers[::-1])


def _packed(ranked: Sequence[tuple[_Numbers, int]]) -> list[_Numbers]:
    """Return whole numbers in the order of several, as few columns of them as possible."""
    numbers: list[_Numbers] = []
    size = _LARGEST
    for values, span in ranked:
        if numbers and size * span < _LARGEST:
            numbers[-1], size = numbers[-1] * span + values, size * span
        else:
            numbers.append(values)
            size = span
    return numbers


def _rises(numbers: Sequence[_Numbers]) -> bool:
    """Return whether rows are in the order of their numbers; where these are in several columns, that is not known."""
    return not numbers or (len(numbers) == 1 and bool((numbers[0][1:] >= numbers[0][:-1]).all()))


def _ranked(values: pa.Array) -> tuple[np.ndarray[Any, Any], int]:
    """Return whole numbers from 0 in the order of values, and how many there may be."""
    if pa.types.is_int64(values.type):
        whole = values.to_numpy()
        if len(whole) and int(whole.max()) - int(whole.min()) < _LARGEST:
            least = whole.min()
            return whole - least, int(whole.max() - least) + 1
    encoded = values.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[encoded.indices.to_numpy()], max(len(order), 1)
