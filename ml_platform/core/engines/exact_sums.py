"""Sums of whole numbers over ranges, exact up to 38 digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ml_platform.core.engines.interval_index import Ranges

_LIMB = 32
_MASK = (1 << _LIMB) - 1
_SAFE = 2.0**62

Ints = np.ndarray[Any, np.dtype[np.int64]]


def exact_sums(ranges: Ranges, values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the sum over the cells that count at each question, as int64 where all of them fit, or decimal(38, 0).

    Parameters
    ----------
    values
        One whole number for each cell, none of them null.
    """
    array = combined(values)
    if pa.types.is_int64(array.type):
        return pa.array(ranges.sums(array.to_numpy()), pa.int64())
    low, high = halves_of(array)
    largest = float(np.abs(low.astype(np.float64)).max(initial=0.0))
    if (high == low >> 63).all() and largest * max(len(low), 1) < _SAFE:
        return pa.array(ranges.sums(np.ascontiguousarray(low)), pa.int64())
    limbs = [low & _MASK, (low >> _LIMB) & _MASK, high & _MASK, high >> _LIMB]
    return _carried([ranges.sums(limb) for limb in limbs], array.type)


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


def zero_decimals(count: int) -> pa.Array:
    """Return as many zeros as decimals of 38 digits."""
    return pa.Array.from_buffers(pa.decimal128(38, 0), count, [None, pa.py_buffer(np.zeros((count, 2), "<i8"))])


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
