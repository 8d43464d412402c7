"""Isotonic calibration: the rising step line that is closest to the outcomes. Zadrozny and Elkan (2002)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from ml_platform.models.calibrators.base import Calibrator

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Isotonic(Calibrator):
    """The corners of a rising line: scores, and the probability at each."""

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    name = "isotonic"

    @classmethod
    def fit(cls, scores: np.ndarray, positive: np.ndarray) -> Self:
        """Return the line that scikit-learn fits; scores beyond the corners get the probability of the last one."""
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, positive.astype("float64"))
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the height of the line at each score."""
        import numpy as np

        return np.asarray(np.interp(scores, self.scores, self.shares))

    def apply_one(self, score: float) -> float:
        """Return the height of the line at one score."""
        import numpy as np

        return float(np.interp(score, *self._corners))

    @cached_property
    def _corners(self) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        return np.array(self.scores), np.array(self.shares)

    def state(self) -> Sequence[Any]:
        """Return the corners."""
        return [list(self.scores), list(self.shares)]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Self:
        """Return the line through stored corners."""
        scores, shares = state
        return cls(tuple(scores), tuple(shares))
