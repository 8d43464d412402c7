"""The ends of exact sums of floats: sums and variances, rounded once, from the sums of limbs (`float_limbs`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ml_platform.core.engines.double_doubles import nearest_spreads, nearest_sums, terms_of
from ml_platform.core.engines.exact_sums import combined, halves_of
from ml_platform.core.engines.float_limbs import BITS, SQUARE_UNITS, SUM_UNITS

_MASK = (1 << BITS) - 1
_HALF = BITS // 2
_HALF_MASK = (1 << _HALF) - 1
_WINDOW = 64

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]


def rounded_sum(limbs: Mapping[int, pa.Array], units: Sequence[int], questions: int) -> Floats:
    """Return sums as the nearest floats, ties to the even one, from the sums of their limbs."""
    if not limbs:
        return np.zeros(questions)
    terms = terms_of(limbs, units)
    if terms is None:
        return _exact_sum(limbs, units, questions)
    rounded, proved = nearest_sums(terms)
    if not proved.all():
        rest = np.flatnonzero(~proved)
        rounded[rest] = _exact_sum(_at(limbs, rest), units, len(rest))
    return rounded


def rounded_spread(
    count: Ints, sums: Mapping[int, pa.Array], squares: Mapping[int, pa.Array], questions: int
) -> Floats:
    """Return ``count * squares - sums**2`` as the nearest floats: the variance times count (count - 1)."""
    if not squares:
        return np.zeros(questions)
    of_sums, of_squares = terms_of(sums, SUM_UNITS), terms_of(squares, SQUARE_UNITS)
    if of_sums is None or of_squares is None:
        return _exact_spread(count, sums, squares, questions)
    rounded, proved = nearest_spreads(count.astype(np.float64), of_sums, of_squares)
    if not proved.all():
        rest = np.flatnonzero(~proved)
        rounded[rest] = _exact_spread(count[rest], _at(sums, rest), _at(squares, rest), len(rest))
    return rounded


def _at(limbs: Mapping[int, pa.Array], places: Ints) -> dict[int, pa.Array]:
    return {limb: combined(column).take(pa.array(places)) for limb, column in limbs.items()}


def _exact_sum(limbs: Mapping[int, pa.Array], units: Sequence[int], questions: int) -> Floats:
    return _nearest(_digits(limbs, questions), units[min(limbs)])


def _exact_spread(count: Ints, sums: Mapping[int, pa.Array], squares: Mapping[int, pa.Array], questions: int) -> Floats:
    total = _halved(_magnitude(_digits(sums, questions))[0]) if sums else np.zeros((0, questions), np.int64)
    of_squares = _halved(_digits(squares, questions))
    at_total, at_squares = 4 * min(sums, default=0), 2 * min(squares)  # in digits of 20 bits above 2**-400
    first = min(at_total, at_squares) if sums else at_squares
    first -= first % 2
    size = max(at_squares + len(of_squares) + 2, at_total + 2 * len(total)) - first
    digits = np.zeros((size + size % 2, questions), np.int64)
    low, high = count & _HALF_MASK, count >> _HALF
    for place, digit in enumerate(of_squares, at_squares - first):
        digits[place] += low * digit
        if high.any():
            digits[place + 1] += high * digit
    known = [(place, digit) for place, digit in enumerate(total) if digit.any()]
    for place, digit in known:
        for other, factor in known:
            digits[at_total - first + place + other] -= digit * factor
    whole = _normal(digits, _HALF)
    joined = whole[::2] + (whole[1::2] << _HALF)
    return np.maximum(_nearest(_normal(joined, BITS), SQUARE_UNITS[0] + _HALF * first), 0.0)


def _digits(limbs: Mapping[int, pa.Array], questions: int) -> Ints:
    """Return digits of 40 bits from the lowest limb up, each from 0 to 2**40 - 1 but the last, which has the sign."""
    lowest, columns = min(limbs), {limb: combined(column) for limb, column in limbs.items()}
    spare = 4 if any(pa.types.is_decimal(column.type) for column in columns.values()) else 2
    digits = np.zeros((max(limbs) - lowest + spare, questions), np.int64)
    for limb, array in columns.items():
        if pa.types.is_decimal(array.type):
            for place, part in enumerate(_of_decimals(array), limb - lowest):
                digits[place] += part
        else:
            digits[limb - lowest] += array.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return _normal(digits, BITS)


def _of_decimals(array: pa.Array) -> list[Ints]:
    """Return 128-bit whole numbers as digits of 40 bits, the last with the sign."""
    low, high = halves_of(array)
    unsigned = low.view(np.uint64)
    first, second = unsigned & np.uint64(_MASK), (unsigned >> np.uint64(BITS)) & np.uint64((1 << 24) - 1)
    middle = second.astype(np.int64) | ((high & 0xFFFF) << 24)
    return [first.astype(np.int64), middle, (high >> 16) & _MASK, high >> 56]


def _normal(digits: Ints, bits: int) -> Ints:
    """Return digits without what is beyond their bits, carried upward."""
    carry = np.zeros(digits.shape[1], np.int64)
    result = np.empty_like(digits)
    for place in range(len(digits) - 1):
        total = digits[place] + carry
        result[place], carry = total & ((1 << bits) - 1), total >> bits
    result[-1] = digits[-1] + carry
    return result


def _magnitude(digits: Ints) -> tuple[Ints, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return digits of the absolute values, and which of them are below zero."""
    negative = digits[-1] < 0
    return (_normal(np.where(negative, -digits, digits), BITS) if negative.any() else digits), negative


def _halved(digits: Ints) -> Ints:
    """Return digits of 20 bits; the last keeps the sign."""
    halves = np.empty((2 * len(digits), digits.shape[1]), np.int64)
    halves[::2], halves[1::2] = digits & _HALF_MASK, digits >> _HALF
    return halves


def _nearest(digits: Ints, unit: int) -> Floats:
    """Return the nearest floats.

    The leading 64 bits are kept, the last of them set where any bit below is (rounding to odd, Boldo and Melquiond
    2008), so that the one conversion of 64 bits to a float rounds as if it had seen all of them.
    """
    digits, negative = _magnitude(digits)
    count, questions = digits.shape
    padded = np.concatenate([np.zeros((3, questions), np.int64), digits])
    lead = count - 1 - np.argmax(digits[::-1] != 0, axis=0)
    rows = np.arange(questions)
    first, second, third = (padded[lead + place, rows].astype(np.uint64) for place in (3, 2, 1))
    below = np.concatenate([np.zeros((1, questions), bool), np.logical_or.accumulate(padded != 0, axis=0)])
    sticky = below[lead + 1, rows]
    width = np.frexp(first.astype(np.float64))[1].astype(np.int64)
    room = (_WINDOW - width).astype(np.uint64)  # at least 24 bits are free below the leading digit
    beyond = room > BITS
    shift = np.where(beyond, room - np.uint64(BITS), np.uint64(0))
    spare = np.where(beyond, np.uint64(0), np.uint64(BITS) - np.minimum(room, np.uint64(BITS)))
    window = np.where(width > 0, first << np.minimum(room, np.uint64(63)), np.uint64(0))
    window |= np.where(beyond, second << shift, second >> spare)
    lost = np.where(beyond, np.uint64(0), second & ((np.uint64(1) << spare) - np.uint64(1)))
    rest = np.uint64(BITS) - shift
    window |= np.where(beyond, third >> rest, np.uint64(0))
    lost |= np.where(beyond, third & ((np.uint64(1) << rest) - np.uint64(1)), third)
    window |= (sticky | (lost != 0)).astype(np.uint64)
    exponent = unit + BITS * lead - room.astype(np.int64)
    value = np.ldexp(window.astype(np.float64), exponent)
    return np.where(width > 0, np.where(negative, -value, value), 0.0)
