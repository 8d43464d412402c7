"""Running sums of whole numbers, exact up to 38 digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_LIMB = 32
_MASK = (1 << _LIMB) - 1


def running_sum(values: pa.ChunkedArray) -> pa.Array:
    """Return the sum of all values up to each, as int64 or decimal(38, 0) like the values, which are not null."""
    array = values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], values.type)
    if pa.types.is_int64(array.type):
        return pa.array(np.cumsum(array.to_numpy()), pa.int64())
    return _decimals(_summed_limbs(_limbs(array)), array.type)


def _limbs(array: pa.Array) -> list[np.ndarray[Any, Any]]:
    """Return 128-bit numbers as four arrays of 32 bits each, the lowest first; the highest has the sign."""
    halves = np.frombuffer(array.buffers()[1], dtype="<i8").reshape(-1, 2)[array.offset : array.offset + len(array)]
    low, high = halves[:, 0], halves[:, 1]
    return [low & _MASK, (low >> _LIMB) & _MASK, high & _MASK, high >> _LIMB]


def _summed_limbs(limbs: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """Sum each limb by itself, where two thousand million rows fit into 64 bits, and carry upwards at the end."""
    summed: list[np.ndarray[Any, Any]] = []
    carry = np.zeros(len(limbs[0]), dtype=np.int64)
    for limb in limbs[:-1]:
        total = np.cumsum(limb) + carry
        summed.append(total & _MASK)
        carry = total >> _LIMB
    return [*summed, np.cumsum(limbs[-1]) + carry]


def _decimals(limbs: list[np.ndarray[Any, Any]], kind: pa.DataType) -> pa.Array:
    halves = np.empty((len(limbs[0]), 2), dtype="<i8")
    halves[:, 0] = limbs[0] | (limbs[1] << _LIMB)
    halves[:, 1] = limbs[2] | (limbs[3] << _LIMB)
    return pa.Array.from_buffers(kind, len(halves), [None, pa.py_buffer(halves)])
