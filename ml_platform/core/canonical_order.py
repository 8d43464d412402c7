"""Sorting tables by several columns at once, which puts rows into their one canonical order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines.exact_sums import combined

_LARGEST = 2**62


def sorted_by(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return the rows sorted by columns without nulls; texts by their bytes."""
    numbers: list[np.ndarray[Any, Any]] = []
    size = _LARGEST
    for name in columns:
        values, span = _ranked(combined(table[name]))
        if numbers and size * span < _LARGEST:
            numbers[-1], size = numbers[-1] * span + values, size * span
        else:
            numbers.append(values)
            size = span
    order = np.argsort(numbers[0], kind="stable") if len(numbers) == 1 else np.lexsort(numbers[::-1])
    return table.take(pa.array(order))


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
