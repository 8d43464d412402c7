"""The curve of least log loss whose log-odds are a weighted sum of given columns, and an offset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SMALLEST = 1e-12
"""Scores are kept this far from 0 and 1, where log-odds are infinite."""


def smoothed_targets(positive: np.ndarray) -> np.ndarray:
    """Return Platt's targets (1999) in place of 0 and 1: separable classes then have a finite curve."""
    import numpy as np

    count = int(positive.sum())
    return np.where(positive, (count + 1) / (count + 2), 1 / (len(positive) - count + 2))


def least_log_loss(columns: Sequence[np.ndarray], target: np.ndarray, start: Sequence[float]) -> list[float]:
    """Return a weight for each column, then the offset, by Newton's method, halving the step until the loss falls."""
    import numpy as np

    terms = [*columns, np.ones(len(target))]
    at = np.array(start)
    loss = log_loss(at, columns, target)
    for _ in range(100):
        share = sigmoid(line(at, columns))
        weight = np.maximum(share * (1 - share), SMALLEST)
        slope = np.array([((share - target) * term).sum() for term in terms])
        curve = np.array([[(weight * (term * other)).sum() for other in terms] for term in terms])
        step = np.linalg.solve(curve + 1e-12 * np.eye(len(terms)), slope)
        while log_loss(at - step, columns, target) > loss and np.abs(step).max() > SMALLEST:
            step = step / 2
        at, before = at - step, loss
        loss = log_loss(at, columns, target)
        if before - loss <= 1e-12 * abs(before):
            break
    return [float(weight) for weight in at]


def log_loss(at: Sequence[float] | np.ndarray, columns: Sequence[np.ndarray], target: np.ndarray) -> float:
    """Return the sum of the log loss of every row."""
    import numpy as np

    odds = line(at, columns)
    return float((np.logaddexp(0.0, odds) - target * odds).sum())


def line(at: Sequence[float] | np.ndarray, columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the log-odds of every row: the columns by their weights, and the offset."""
    import numpy as np

    total = at[0] * columns[0] if columns else np.zeros(1)
    for weight, column in zip(at[1:-1], columns[1:], strict=True):
        total = total + weight * column
    return np.asarray(total + at[-1])


def sigmoid(odds: np.ndarray) -> np.ndarray:
    """Return the probability that has these log-odds."""
    import numpy as np
    from scipy.special import expit

    return np.asarray(expit(odds))
