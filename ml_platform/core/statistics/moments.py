"""How numbers vary: means and deviations that rounding and overflow do not spoil."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

_ROUNDING = 2 * float(np.finfo(np.float64).eps)
_SMALLEST = float(np.finfo(np.float64).tiny)
_Floats = np.ndarray[Any, Any]


def exact_total(values: _Floats) -> float:
    """Return the sum of finite numbers, correctly rounded, in whatever order they come.

    It is Shewchuk's (1997), as Python's `math.fsum` has it; a sum beyond the largest float is infinite.
    """
    numbers = np.asarray(values, dtype=np.float64).ravel().tolist()
    try:
        return math.fsum(numbers)
    except OverflowError:  # on the way, if not at the end
        total = sum(map(Fraction, numbers))
    try:
        return float(total)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def is_constant(values: _Floats) -> bool:
    """Return whether finite numbers are all the same, up to the rounding error of equal numbers."""
    if not len(values):
        return True
    largest = float(np.max(np.abs(values)))
    with np.errstate(over="ignore"):
        return bool(float(np.max(values)) - float(np.min(values)) <= _ROUNDING * largest)


def center_and_scale(values: _Floats) -> tuple[float, float]:
    """Return mean and standard deviation of finite numbers, by which they may be centered and scaled.

    The deviation of constant numbers is 1: dividing by their rounding error would turn the first other value into an
    enormous one. Numbers are brought to at most 1 first, so that no square overflows.

    >>> center_and_scale(np.full(1000, 0.1))
    (0.1, 1.0)
    """
    if is_constant(values):
        return (float(values[0]) if len(values) else 0.0), 1.0
    largest = float(np.max(np.abs(values)))
    small = values / largest
    scale = float(small.std()) * largest
    return float(small.mean()) * largest, scale if scale >= _SMALLEST else 1.0
