"""Sigmoid calibration: Platt (1999), with his smoothed targets, on the log-odds of the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ml_platform.models.calibrators.base import Calibrator
from ml_platform.models.calibrators.least_log_loss import SMALLEST, least_log_loss, sigmoid, smoothed_targets

if TYPE_CHECKING:
    import numpy as np


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
        if is_constant(odds):  # a slope would be fitted to rounding
            smoothed = (int(positive.sum()) + 1) / (len(positive) + 2)
            return cls(1.0, float(np.log(smoothed) - np.log1p(-smoothed) - odds[0]))
        return cls(*least_log_loss([odds], smoothed_targets(positive), [1.0, 0.0]))

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability for each score."""
        return sigmoid(self.slope * _log_odds(scores) + self.offset)

    def apply_one(self, score: float) -> float:
        """Return the probability for one score."""
        import numpy as np
        from scipy.special import expit

        inside = min(max(score, SMALLEST), 1 - SMALLEST)
        return float(expit(self.slope * float(np.log(inside) - np.log1p(-inside)) + self.offset))

    def state(self) -> Sequence[Any]:
        """Return slope and offset."""
        return [[self.slope], [self.offset]]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Self:
        """Return the line of a stored slope and offset."""
        (slope,), (offset,) = state
        return cls(slope, offset)


def _log_odds(scores: np.ndarray) -> np.ndarray:
    import numpy as np

    inside = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside))
