"""A confidence sequence by betting: an interval of a mean that holds at every moment, however often one looks.

For a mean m, a bettor has ``1 + bet * (x - m)`` times his capital after each value x. Where m is the mean, no bet that
was chosen before the value makes capital grow on average, and it ever reaches ``1 / alpha`` with probability alpha at
most (Ville's inequality). So what lets capital grow that far is not the mean. Bets follow the mean and the variance so
far (aGRAPA of Waudby-Smith and Ramdas, 2024). Nothing is approximated: rare large values count from the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_BOLDNESS = 0.75
"""The largest share of his capital that a bettor can lose at one value."""
_HALVINGS = 40


@dataclass(frozen=True)
class MeanNow:
    """What is known of a mean.

    Attributes
    ----------
    mean
        Of the values so far.
    low, high
        The confidence sequence at its last value.
    above, below
        Whether the mean is above 0, or below 0, beyond doubt: capital against 0 ever reached its goal.
    """

    values: int
    mean: float
    low: float
    high: float
    above: bool
    below: bool


def mean_so_far(values: Floats, low: float, high: float, confidence: float) -> MeanNow:
    """Return what is known of the mean of values that come one after the other.

    Parameters
    ----------
    low, high
        What no value can be below, or above.
    confidence
        With this probability the interval holds the mean at every moment.
    """
    if not len(values) or low >= high:
        return MeanNow(len(values), 0.0, min(low, 0.0), max(high, 0.0), above=False, below=False)
    mean, goal = math.fsum(values) / len(values), math.log(2 / (1 - confidence))

    def refuted(at: float, above: bool) -> bool:
        return _most(values, at, low, high, above) >= goal

    return MeanNow(
        len(values),
        mean,
        _end(low, mean, lambda at: refuted(at, True)),
        _end(high, mean, lambda at: refuted(at, False)),
        above=refuted(0.0, True),
        below=refuted(0.0, False),
    )


def _end(outer: float, inner: float, refuted: Callable[[float], bool]) -> float:
    """Return the outermost value towards `outer` that is not refuted."""
    if not refuted(outer):
        return outer
    for _ in range(_HALVINGS):
        middle = (outer + inner) / 2
        if refuted(middle):
            outer = middle
        else:
            inner = middle
    return outer


def _most(values: Floats, at: float, low: float, high: float, above: bool) -> float:
    """Return the logarithm of the most capital that a bettor ever had who bets that the mean is above (below) `at`."""
    won = (values - at) if above else (at - values)
    loss = (at - low) if above else (high - at)  # the most that can be lost for each unit of a bet
    if loss <= 0:  # nothing can be lost, so that any gain is as large as one likes
        return math.inf if bool(np.any(won > 0)) else 0.0
    total = np.concatenate([[0.0], np.cumsum(won)[:-1]])
    squares = np.concatenate([[0.0], np.cumsum(won * won)[:-1]])
    bet = np.clip(total / (squares + (high - low) ** 2 / 4), 0.0, _BOLDNESS / loss)
    return float(np.max(np.cumsum(np.log1p(bet * won))))
