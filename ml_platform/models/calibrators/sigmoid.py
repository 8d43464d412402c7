"""Sigmoid calibration: Platt (1999), with his smoothed targets, on the log-odds of the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ml_platform.models.calibrators.base import Calibrator

if TYPE_CHECKING:
    import numpy as np

_SMALLEST = 1e-12


@dataclass(frozen=True)
class Sigmoid(Calibrator):
    """A line over log-odds: the log-odds of the probability are ``slope`` times those of the score, and ``offset``."""

    slope: float
    offset: float

    name = "sigmoid"

    @classmethod
    def fit(cls, scores: np.ndarray, positive: np.ndarray) -> Self:
        """Return the line of least log loss.

        Where all scores are equal the slope is 1, and the offset gives the smoothed share of the class.
        """
        import numpy as np

        from ml_platform.core.statistics.moments import is_constant

        odds = _log_odds(scores)
        count = int(positive.sum())
        if is_constant(odds):  # a slope would be fitted to rounding
            smoothed = (count + 1) / (len(positive) + 2)
            return cls(1.0, float(np.log(smoothed) - np.log1p(-smoothed) - odds[0]))
        target = np.where(positive, (count + 1) / (count + 2), 1 / (len(positive) - count + 2))
        return cls(*_newton(odds, target))

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability for each score."""
        return _sigmoid(self.slope * _log_odds(scores) + self.offset)

    def apply_one(self, score: float) -> float:
        """Return the probability for one score."""
        import numpy as np
        from scipy.special import expit

        inside = min(max(score, _SMALLEST), 1 - _SMALLEST)
        return float(expit(self.slope * float(np.log(inside) - np.log1p(-inside)) + self.offset))

    def state(self) -> Sequence[Any]:
        """Return slope and offset."""
        return [[self.slope], [self.offset]]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Self:
        """Return the line of a stored slope and offset."""
        (slope,), (offset,) = state
        return cls(slope, offset)


def _newton(odds: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Return slope and offset by Newton's method, halving the step until the loss falls."""
    import numpy as np

    at = np.array([1.0, 0.0])
    loss = _loss(at, odds, target)
    for _ in range(100):
        share = _sigmoid(at[0] * odds + at[1])
        weight = np.maximum(share * (1 - share), _SMALLEST)
        slope = np.array([((share - target) * odds).sum(), (share - target).sum()])
        curve = np.array([[(weight * odds**2).sum(), (weight * odds).sum()], [(weight * odds).sum(), weight.sum()]])
        step = np.linalg.solve(curve + 1e-12 * np.eye(2), slope)
        while _loss(at - step, odds, target) > loss and np.abs(step).max() > _SMALLEST:
            step = step / 2
        at, before = at - step, loss
        loss = _loss(at, odds, target)
        if before - loss <= 1e-12 * abs(before):
            break
    return float(at[0]), float(at[1])


def _loss(at: np.ndarray, odds: np.ndarray, target: np.ndarray) -> float:
    import numpy as np

    line = at[0] * odds + at[1]
    return float((np.logaddexp(0.0, line) - target * line).sum())


def _log_odds(scores: np.ndarray) -> np.ndarray:
    import numpy as np

    inside = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _sigmoid(line: np.ndarray) -> np.ndarray:
    import numpy as np
    from scipy.special import expit

    return np.asarray(expit(line))
