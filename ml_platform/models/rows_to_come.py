"""The rows that later times of a day are expected to bring: those of the days before it, by their gains."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

LOOK_BACK_DAYS = 7
"""How many days before a day show which rows its later times will bring."""


@dataclass(frozen=True)
class RowsToCome:
    """Rows of earlier days.

    Attributes
    ----------
    gain
        The expected gain of each, largest first.
    time
        Its time of day, as `numpy.timedelta64`.
    days
        How many days they are of; at least 1.
    """

    gain: np.ndarray
    time: np.ndarray
    days: int

    @classmethod
    def before(cls, day: pd.Timestamp, known: pd.DataFrame, most: int) -> RowsToCome:
        """Return the rows of the last days before a day.

        Parameters
        ----------
        known
            One row each with ``day`` (midnight without a zone), ``time`` (of the day) and ``gain``, none of them null.
        most
            How many places a day has: rows that can never matter for so many are not kept.
        """
        near = known[(known["day"] < day) & (known["day"] >= day - pd.Timedelta(days=LOOK_BACK_DAYS))]
        days = max(near["day"].nunique(), 1)
        near = near[near["gain"] > 0]
        near = near.iloc[np.lexsort((-near["gain"].to_numpy(), -near["time"].to_numpy().astype("int64")))]
        gain = near["gain"].to_numpy()
        kept = _among_the_best(gain, most * days)
        gain, time = gain[kept], near["time"].to_numpy()[kept]
        order = np.argsort(-gain, kind="stable")
        return cls(gain[order], time[order].astype("timedelta64[ns]"), days)

    def better(self, gain: np.ndarray, time: timedelta) -> np.ndarray:
        """Return how many rows with larger gains than some are expected after a time of day."""
        later = np.concatenate([[0], np.cumsum(self.time > np.timedelta64(time))])
        return np.asarray(later[np.searchsorted(-self.gain, -gain, side="left")] / self.days)


def _among_the_best(gain: Sequence[float] | np.ndarray, most: int) -> list[int]:
    """Return the places of those gains that are among the largest of all up to their own place.

    The latest row comes first. A row that is not among them never decides: rows that would give way to it give way
    to the others already.
    """
    best, kept = list[float](), list[int]()
    for place, value in enumerate(gain):
        if len(best) < most:
            heapq.heappush(best, value)
        elif value > best[0]:
            heapq.heapreplace(best, value)
        else:
            continue
        kept.append(place)
    return kept
