"""How far a share can move by chance where few rows have it: no test by a variance is right for a handful of rows.

If k of the reference's N rows have a property, a window of n rows has a number of them that is beta-binomial with
parameters n, k + 1/2 and N - k + 1/2 (the predictive distribution under Jeffreys' prior; rows independent).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy  # loads scipy.special when it is first used

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

_MANY = 400.0  # expected rows from which a normal tail is good enough
_DEVIATIONS, _AT_LEAST = 12.0, 60


def rare_limit(count: float, rows: float, window_rows: float, chance: float) -> float:
    """Return by how much the share of a rare property has grown where a window reaches it with probability `chance`.

    Parameters
    ----------
    count, rows
        Rows of the reference with the property, and all of them.
    window_rows
        Rows of the window.

    Returns
    -------
    The least such growth that whole rows can make; 0 where rows are many enough for a test by the variance, infinite
    where not even all rows of the window would reach it.
    """
    n = round(window_rows)
    if n <= 0 or rows <= 0:
        return float("inf")
    if n * count / rows > _MANY:
        return 0.0
    tail = _upper_tail(n, count + 0.5, rows - count + 0.5)
    reached = np.flatnonzero(tail <= chance)
    return float(reached[0] / n - count / rows) if len(reached) else float("inf")


def _upper_tail(n: int, a: float, b: float) -> Floats:
    """Return P(K >= k) of a beta-binomial variable for k = 0, 1, ... as far as it matters."""
    mean = n * a / (a + b)
    deviation = np.sqrt(mean * (1 + n / (a + b)) + 1.0)
    last = min(n, int(mean + _DEVIATIONS * deviation) + _AT_LEAST)
    k = np.arange(last + 1, dtype="float64")
    gammaln, betaln = scipy.special.gammaln, scipy.special.betaln
    log_chance = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + betaln(k + a, n - k + b) - betaln(a, b)
    return np.asarray(np.cumsum(np.exp(log_chance)[::-1])[::-1])


def variance_floor(count: float, rows: float, rows_a_day: float) -> float:
    """Return the least variance of a day's share: that of independent rows, at a share of (count + 3) / (rows + 3).

    The three rows are the rule of three: "never seen" is not "impossible" (Hanley and Lippman-Hand, JAMA 1983).
    """
    share = min((count + 3.0) / (rows + 3.0), 0.5)
    return share * (1.0 - share) / rows_a_day
