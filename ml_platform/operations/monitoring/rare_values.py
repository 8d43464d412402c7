"""Values of a category beside its most frequent ones: which of them the reference never had, and how they are spread.

A column with hundreds of values cannot have a series for each. All values have one of
1,048,576 places by their hash, and what is followed are places: whether the reference has a
row there, and the share of four parts of them. So the memory is the same for any number of
values; two values at one place count as one.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Bools: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

PARTS = 4
"""Into how many parts rare values are divided by their hash."""

_PLACES = 1_048_576
_BLOCKS = 4


def places_of(texts: Iterable[str]) -> Ints:
    """Return the place of each value, by the CRC-32 of its text."""
    hashes = [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts]
    return np.array(hashes, dtype=np.int64) % _PLACES


def pack(places: Ints) -> str:
    """Return the set of places as text.

    >>> unpack(pack(places_of(["Rome", "Oslo"])))[places_of(["Oslo", "Bern"])].tolist()
    [True, False]
    """
    has_rows = np.zeros(_PLACES, dtype=bool)
    has_rows[places] = True
    return base64.b64encode(np.packbits(has_rows).tobytes()).decode()


def unpack(packed: str) -> Bools:
    """Return for each place whether it is in the set that `pack` wrote."""
    return np.unpackbits(np.frombuffer(base64.b64decode(packed), dtype=np.uint8)).astype(bool)


def is_new(places: Ints, occupied: str, held_out: tuple[Ints, int] | None = None) -> Bools:
    """Return which rows have a value that the reference never had.

    Parameters
    ----------
    places
        Of the rows.
    occupied
        The places of the reference's rows, by `pack`.
    held_out
        For the rows of the reference itself: the number of each row's day, from 0, and how many days there are. A
        quarter of the days is held out, and its values are new where no other quarter has them: this is what "new"
        comes to where nothing changes. Single days are not held out, since a value that comes and goes within weeks
        would hardly ever be new there, and is always new to a window some weeks later.
    """
    if held_out is None:
        return ~unpack(occupied)[places]
    days, count = held_out
    blocks = days * _BLOCKS // max(count, 1)
    seen = np.zeros((_BLOCKS, _PLACES), dtype=bool)
    seen[blocks, places] = True
    return np.asarray(seen[:, places].sum(axis=0) == 1)


def daily_sums(places: Ints, is_rare: Bools, is_new: Bools, days: Ints, count: int) -> list[Floats]:
    """Return how many rows of each day are in each part of the rare values, and how many have a new value.

    Parameters
    ----------
    places, is_rare, is_new, days
        Of the rows: the place of its value, whether it is none of the frequent ones, whether it is new, and its day.
    count
        How many days there are.
    """
    parts = np.bincount(days * PARTS + places % PARTS, is_rare.astype(float), count * PARTS).reshape(count, PARTS)
    return [*parts.T, np.bincount(days, is_new.astype(float), count)]
