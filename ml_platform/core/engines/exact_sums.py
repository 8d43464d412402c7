"""Sums of whole numbers over ranges, exact up to 38 digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ml_platform.core.engines.interval_index import Ranges

_LIMB = 32
_MASK = (1 << _LIMB) - 1
_SAFE = 2**62
_DECIMAL = pa.decimal128(38, 0)

Ints = np.ndarray[Any, np.dtype[np.int64]]


def exact_sums(ranges: Ranges, values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the sum over the cells that count at each question, as int64 where all of them fit, or decimal(38, 0).

    Parameters
    ----------
    values
        One whole number for each cell, none of them null.
    """
    array = combined(values)
    low, high = (array.to_numpy(), None) if pa.types.is_int64(array.type) else halves_of(array)
    if high is None or (high == low >> 63).all():
        largest = max(int(low.max(initial=0)), -int(low.min(initial=0)))
        if largest * len(low) < _SAFE:
            return pa.array(ranges.sums(np.ascontiguousarray(low)), pa.int64())
        high = low >> 63
    limbs = [low & _MASK, (low >> _LIMB) & _MASK, high & _MASK, high >> _LIMB]
    return _carried([ranges.sums(limb) for limb in limbs], _DECIMAL)


def combined(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    if isinstance(values, pa.Array):
        return values
    if values.num_chunks == 1:
        return values.chunk(0)
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)


def is_any(values: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether any whole number is not zero."""
    array = combined(values)
    if pa.types.is_decimal(array.type):
        return any(half.any() for half in halves_of(array))
    return bool(array.to_numpy(zero_copy_only=False).any())


def narrowed(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return whole numbers as int64 where all of them fit, else as decimals; none of them is null."""
    array = combined(values)
    if pa.types.is_int64(array.type):
        return array
    low, high = halves_of(array)
    return pa.array(low) if (high == low >> 63).all() else array


def widened(arrays: Sequence[pa.Array]) -> list[pa.Array]:
    """Return arrays of whole numbers with one type: decimals where one of them is of decimals."""
    kinds = {array.type for array in arrays}
    return [_as_decimals(array) for array in arrays] if kinds == {pa.int64(), _DECIMAL} else list(arrays)


def _as_decimals(array: pa.Array) -> pa.Array:
    if pa.types.is_decimal(array.type):
        return array
    low = array.to_numpy()
    return _decimals(low, low >> 63, _DECIMAL)


def halves_of(array: pa.Array) -> tuple[Ints, Ints]:
    """Return 128-bit whole numbers as their lower and their upper 64 bits; the upper has the sign."""
    buffer = array.buffers()[1]
    if buffer is None or len(array) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    halves = np.frombuffer(buffer, dtype="<i8").reshape(-1, 2)[array.offset : array.offset + len(array)]
    return halves[:, 0], halves[:, 1]


def _carried(limbs: list[Ints], kind: pa.DataType) -> pa.Array:
    """Return numbers whose limbs of 32 bits, the lowest first, may have grown beyond that or below zero."""
    carry = np.zeros(len(limbs[0]), dtype=np.int64)
    kept = []
    for limb in limbs[:-1]:
        total = limb + carry
        kept.append(total & _MASK)
        carry = total >> _LIMB
    return _decimals(kept[0] | (kept[1] << _LIMB), kept[2] | ((limbs[-1] + carry) << _LIMB), kind)


def _decimals(low: Ints, high: Ints, kind: pa.DataType) -> pa.Array:
    halves = np.empty((len(low), 2), dtype="<i8")
    halves[:, 0], halves[:, 1] = low, high
    return pa.Array.from_buffers(kind, len(halves), [None, pa.py_buffer(halves)])
