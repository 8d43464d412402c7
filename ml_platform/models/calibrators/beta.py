"""Beta calibration: Kull, Silva Filho and Flach (2017), with Platt's smoothed targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ml_platform.models.calibrators.base import Calibrator
from ml_platform.models.calibrators.least_log_loss import SMALLEST, least_log_loss, log_loss, sigmoid, smoothed_targets

if TYPE_CHECKING:
    import numpy as np

_SHAPES = 3
"""Fewer distinct scores than parameters leave the curve open."""


@dataclass(frozen=True)
class Beta(Calibrator):
    """A rising curve: log-odds of ``a * log(score) - b * log(1 - score) + c``, where a and b are not negative."""

    a: float
    b: float
    c: float

    name = "beta"

    @classmethod
    def fit(cls, scores: np.ndarray, positive: np.ndarray) -> Self:
        """Return the curve of least log loss among those that fall nowhere.

        With fewer than three distinct scores ``a`` and ``b`` are equal; with one they are 1.
        """
        import numpy as np

        from ml_platform.core.statistics.moments import is_constant

        logs, target = _logs(scores), smoothed_targets(positive)
        odds = logs[0] + logs[1]
        if is_constant(odds):
            smoothed = (int(positive.sum()) + 1) / (len(positive) + 2)
            return cls(1.0, 1.0, float(np.log(smoothed) - np.log1p(-smoothed) - odds[0]))
        if len(np.unique(scores)) < _SHAPES:
            slope, offset = _edge(odds, target)
            return cls(slope, slope, offset)
        a, b, c = least_log_loss(logs, target, [1.0, 1.0, 0.0])
        return cls(a, b, c) if a >= 0 and b >= 0 else cls(*_best_edge(logs, target))

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability for each score."""
        first, second = _logs(scores)
        return sigmoid(self.a * first + self.b * second + self.c)

    def apply_one(self, score: float) -> float:
        """Return the probability for one score."""
        import numpy as np
        from scipy.special import expit

        inside = min(max(score, SMALLEST), 1 - SMALLEST)
        return float(expit(self.a * float(np.log(inside)) + self.b * float(-np.log1p(-inside)) + self.c))

    def state(self) -> Sequence[Any]:
        """Return the three parameters."""
        return [self.a, self.b, self.c]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Self:
        """Return the curve of stored parameters."""
        a, b, c = state
        return cls(a, b, c)


def _best_edge(logs: Sequence[np.ndarray], target: np.ndarray) -> tuple[float, float, float]:
    """Return the best curve with ``a`` or ``b`` at zero.

    The loss is convex, so where the best curve of all has a negative parameter, the best one without lies on an edge.
    """
    a, c = _edge(logs[0], target)
    b, other = _edge(logs[1], target)
    edges = [(a, 0.0, c), (0.0, b, other)]
    return min(edges, key=lambda edge: log_loss(edge, logs, target))


def _edge(column: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Return weight and offset of one column; the weight is not negative."""
    weight, offset = least_log_loss([column], target, [1.0, 0.0])
    return (weight, offset) if weight >= 0 else (0.0, least_log_loss([], target, [0.0])[0])


def _logs(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    inside = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return np.log(inside), -np.log1p(-inside)
