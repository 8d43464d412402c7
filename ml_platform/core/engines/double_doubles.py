"""Exact sums of floats from a few exact terms: as two floats, with a proof for each row, or with the exact way.

The terms are the sums of limbs (`ml_platform.core.engines.float_limbs`). Two floats hold about 106 bits of their sum.
Where that proves which float is the nearest, nothing more is computed: nearly everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ml_platform.core.engines.exact_sums import combined

Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
_EXACT = 2**53
_AT_ONCE = 2**13
"""Rows of which all intermediate results fit into the cache of one core."""
_SUM_ERROR = 2.0**-97
"""More than two floats lose of up to 17 terms, in the terms' sizes: 17 * 17 * 2**-106 (see `_as_two`)."""
_SPREAD_ERROR = 2.0**-95
"""More than is lost of a spread, in ``count * squares + sums**2`` of the terms' sizes.

Squares lose 2**-97.8, sums of up to 8 terms 2**-100 and thus their square 2**-98.9, and the products 2**-103.
"""
_SPLIT = float(2**27 + 1)


def terms_of(limbs: Mapping[int, pa.Array], units: Sequence[int]) -> list[Floats] | None:
    """Return the sums of limbs as floats, the largest unit first; None where a float cannot hold one of them."""
    terms = []
    for limb in sorted(limbs, reverse=True):
        array = combined(limbs[limb])
        if not pa.types.is_int64(array.type):
            return None
        whole = array.to_numpy(zero_copy_only=False)
        if len(whole) and (int(whole.max()) > _EXACT or int(whole.min()) < -_EXACT):
            return None
        terms.append(whole * 2.0 ** units[limb])
    return terms


def nearest_sums(terms: Sequence[Floats]) -> tuple[Floats, Bools]:
    """Return the sums of terms as floats, and which of them are proved to be the nearest, ties to the even one."""
    return _in_slabs(_nearest_sum, terms)


def nearest_spreads(count: Floats, sums: Sequence[Floats], squares: Sequence[Floats]) -> tuple[Floats, Bools]:
    """Return ``count * squares - sums**2``, at least 0, and which of them are proved to be the nearest floats."""

    def of_slab(slab: Sequence[Floats]) -> tuple[Floats, Bools]:
        return _nearest_spread(slab[0], slab[1 : 1 + len(sums)], slab[1 + len(sums) :])

    return _in_slabs(of_slab, [count, *sums, *squares])


def _in_slabs(
    work: Callable[[Sequence[Floats]], tuple[Floats, Bools]], columns: Sequence[Floats]
) -> tuple[Floats, Bools]:
    size = len(columns[0])
    values, proved = np.empty(size), np.empty(size, bool)
    for start in range(0, size, _AT_ONCE):
        slab = slice(start, start + _AT_ONCE)
        values[slab], proved[slab] = work([column[slab] for column in columns])
    return values, proved


def _nearest_sum(terms: Sequence[Floats]) -> tuple[Floats, Bools]:
    high, low, lost, size = _as_two(terms)
    return high, ~lost | _is_nearest(high, low, size * _SUM_ERROR)


def _nearest_spread(count: Floats, sums: Sequence[Floats], squares: Sequence[Floats]) -> tuple[Floats, Bools]:
    total, rest, _, size = _as_two(sums) if sums else (np.zeros_like(count),) * 4
    of_squares, rest_of_squares, _, size_of_squares = _as_two(squares)
    one, one_error = _product(count, of_squares)
    two, two_error = _product(total, total)
    difference, error = _two_sum(one, -two)
    low = error + ((one_error + count * rest_of_squares) - (two_error + 2.0 * total * rest))
    high, low = _two_sum(difference, low)
    few = count <= 1.0  # nothing deviates from itself
    proved = few | ((high > 0.0) & _is_nearest(high, low, (count * size_of_squares + size * size) * _SPREAD_ERROR))
    return np.where(few, 0.0, high), proved


def _is_nearest(high: Floats, low: Floats, error: Floats) -> Bools:
    """Return where `high` is the nearest float to every number within an error around ``high + low``."""
    proved: Bools = (high + (low + error) == high) & (high + (low - error) == high)
    return proved


def _as_two(terms: Sequence[Floats]) -> tuple[Floats, Floats, Bools, Floats]:
    """Return the sum of terms as two floats, where digits were lost, and the sum of the terms' sizes.

    Of k terms the lower float holds at most k * 2**-53 of the sizes, and each of k steps loses 2**-53 of that.
    """
    high, size = terms[0], np.abs(terms[0])
    low, lost = np.zeros_like(high), np.zeros(len(high), bool)
    for term in terms[1:]:
        high, error = _two_sum(high, term)
        low, gone = _two_sum(low, error)
        lost |= gone != 0.0
        size = size + np.abs(term)
    high, low = _two_sum(high, low)
    return high, low, lost, size


def _two_sum(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Return a sum as a float, and what rounding took from it (Knuth, 1969)."""
    total = one + two
    part = total - one
    return total, (one - (total - part)) + (two - part)


def _product(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Return a product as a float, and what rounding took from it (Dekker, 1971)."""
    product = one * two
    (high, low), (other_high, other_low) = _halves(one), _halves(two)
    return product, low * other_low - (((product - high * other_high) - low * other_high) - high * other_low)


def _halves(value: Floats) -> tuple[Floats, Floats]:
    moved = value * _SPLIT
    high = moved - (moved - value)
    return high, value - high
