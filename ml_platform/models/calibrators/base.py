"""What every calibrator can do: learn from scores and outcomes, apply, and be stored."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ml_platform.declarations.calibrators import CalibratorKind

if TYPE_CHECKING:
    import numpy as np


class Calibrator(CalibratorKind):
    """A fitted function from the score of one class to its probability; its class is the method.

    Several classes are calibrated one against the rest, each by an instance: `ml_platform.models.calibration`.

    Attributes
    ----------
    min_rows
        Fewer rows than this in the validate period are refused.
    """

    min_rows: ClassVar[int] = 10

    @classmethod
    @abstractmethod
    def fit(cls, scores: np.ndarray, positive: np.ndarray) -> Self:
        """Return the fitted calibrator; the same bits for the same rows and libraries.

        Parameters
        ----------
        scores
            The estimator's probability of the class, one for each row of the validate period.
        positive
            Whether each row has the class; some have it and some do not.
        """

    @abstractmethod
    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability for each score; the same score gives the same bits alone and among others."""

    def apply_one(self, score: float) -> float:
        """Return the probability for one score, with the bits of `apply`, which it calls unless it is overridden."""
        import numpy as np

        return float(self.apply(np.array([score]))[0])

    @abstractmethod
    def state(self) -> Sequence[Any]:
        """Return all that was learned, as a list of JSON values: it is part of the trained model's id."""

    @classmethod
    @abstractmethod
    def load(cls, state: Sequence[Any]) -> Self:
        """Return the calibrator that has this state."""

    @property
    def title(self) -> str:
        """How an explanation names the step from score to probability."""
        return f"{self.name} calibration"
