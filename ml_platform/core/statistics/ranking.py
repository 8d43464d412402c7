"""How well scores put rows in order."""

from __future__ import annotations

import numpy as np


def auc(label: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the probability that a row of class 1 scores above one of class 0, ties counting half.

    By the rank sum of Mann and Whitney (1947).
    """
    positive = label == 1
    count = int(positive.sum())
    if count in (0, len(label)):
        return None
    ordered, of_positives = np.sort(scores), np.sort(scores[positive])
    before, until = (np.searchsorted(ordered, of_positives, side).sum() for side in ("left", "right"))
    ranks = (float(before + until) + count) / 2  # of equal scores, each has the rank in their middle
    return (ranks - count * (count + 1) / 2) / (count * (len(label) - count))
