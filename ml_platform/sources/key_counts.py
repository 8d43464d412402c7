"""How many keys of a file are in each of 1,024 groups by their hash.

A file that loses a key and takes one over from another file has as many keys as before. The two are in different groups
but once in 1,024 times, so the groups show the loss, with the same few bytes for any number of keys.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

KeyCounts: TypeAlias = tuple[int, ...]

GROUPS = 1024
NO_KEYS: KeyCounts = (0,) * GROUPS


def counts_of(by_group: Mapping[int, int]) -> KeyCounts:
    """Return counts by the number of the group; groups without a key may be missing."""
    return tuple(by_group.get(group, 0) for group in range(GROUPS))


def added(counts: KeyCounts, others: KeyCounts) -> KeyCounts:
    """Return the sum for each group."""
    return tuple(one + other for one, other in zip(counts, others, strict=True))


def at_least(counts: KeyCounts, others: KeyCounts) -> KeyCounts:
    """Return the larger count of each group."""
    return tuple(map(max, counts, others))


def nearer(counts: KeyCounts, smaller: KeyCounts, steps: int) -> KeyCounts:
    """Return counts reduced by so many in all, in no group below `smaller`."""
    reduced = list(counts)
    for group, least in enumerate(smaller):
        step = min(steps, max(0, reduced[group] - least))
        reduced[group] -= step
        steps -= step
    return tuple(reduced)


def as_text(counts: KeyCounts) -> str:
    """Return counts as they are stored.

    >>> counts = counts_of({3: 2, 700: 10**10})
    >>> from_text(as_text(counts)) == counts
    True
    """
    return base64.b64encode(zlib.compress(np.array(counts, dtype="<i8").tobytes())).decode()


def from_text(text: str) -> KeyCounts:
    """Return the counts that `as_text` wrote."""
    return tuple(np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8").tolist())
