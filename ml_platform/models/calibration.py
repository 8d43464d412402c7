"""Calibration: scores to probabilities, learnt on the validate stretch only.

Sigmoid: Platt (1999), with his smoothed targets, on the log-odds of the score. Isotonic: Zadrozny and Elkan (2002).
Several classes are calibrated one against the rest, then brought to a sum of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ml_platform.core.errors import TrainingError
from ml_platform.core.statistics.moments import is_constant

Method = Literal["none", "sigmoid", "isotonic"]
_SMALLEST = 1e-12
_MIN_ROWS = 10


@dataclass(frozen=True)
class Curve:
    """A rising function from score to probability: a sigmoid's slope and offset, or the corners of a step line."""

    method: Method
    first: tuple[float, ...]
    second: tuple[float, ...]

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability for each score."""
        if self.method == "sigmoid":
            return _sigmoid(self.first[0] * _log_odds(scores) + self.second[0])
        return np.asarray(np.interp(scores, self.first, self.second))


@dataclass(frozen=True)
class Calibration:
    """One curve for two classes, one for each of several, none where scores stay as they are."""

    curves: tuple[Curve, ...] = ()

    @classmethod
    def fit(cls, method: Method, scores: np.ndarray, label: np.ndarray) -> Calibration:
        """Learn the curves.

        Parameters
        ----------
        scores
            One probability per row of the validate stretch, or one column per class.
        label
            The index of each row's class.

        Raises
        ------
        TrainingError
            When the validate stretch has fewer than ten rows, or lacks a class.
        """
        if method == "none":
            return cls()
        if scores.ndim == 1:
            return cls((_curve(method, scores, label == 1),))
        return cls(tuple(_curve(method, scores[:, index], label == index) for index in range(scores.shape[1])))

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return calibrated scores, of the same shape."""
        if not self.curves:
            return scores
        if scores.ndim == 1:
            return self.curves[0].apply(scores)
        raised = np.column_stack([curve.apply(scores[:, index]) for index, curve in enumerate(self.curves)])
        total = np.zeros(len(raised))
        for index in range(raised.shape[1]):
            total = total + raised[:, index]
        even = np.full_like(raised, 1 / raised.shape[1])
        return np.asarray(np.divide(raised, total[:, None], out=even, where=total[:, None] > 0))

    def to_json(self) -> list[Any]:
        """Return the curves as a manifest keeps them."""
        return [[curve.method, list(curve.first), list(curve.second)] for curve in self.curves]

    @classmethod
    def from_json(cls, facts: list[Any]) -> Calibration:
        """Return the curves that a manifest keeps."""
        return cls(tuple(Curve(method, tuple(first), tuple(second)) for method, first, second in facts))


def _curve(method: Method, scores: np.ndarray, positive: np.ndarray) -> Curve:
    if len(scores) < _MIN_ROWS or positive.all() or not positive.any():
        raise TrainingError(
            f"calibration {method} needs {_MIN_ROWS} rows and every class in the validate stretch, found {len(scores)} "
            f"rows, {int(positive.sum())} of the class. Lengthen split.validate, or remove calibration."
        )
    return _isotonic(scores, positive) if method == "isotonic" else _platt(_log_odds(scores), positive)


def _isotonic(scores: np.ndarray, positive: np.ndarray) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, positive.astype("float64"))
    return Curve("isotonic", tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


def _platt(odds: np.ndarray, positive: np.ndarray) -> Curve:
    """Fit slope and offset by Newton's method, halving the step until the loss falls.

    Where all scores are equal the slope is 1, and the offset gives the smoothed share of the class.
    """
    count = int(positive.sum())
    if is_constant(odds):  # a slope would be fitted to rounding
        smoothed = (count + 1) / (len(positive) + 2)
        return Curve("sigmoid", (1.0,), (float(np.log(smoothed) - np.log1p(-smoothed) - odds[0]),))
    target = np.where(positive, (count + 1) / (count + 2), 1 / (len(positive) - count + 2))
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
    return Curve("sigmoid", (float(at[0]),), (float(at[1]),))


def _loss(at: np.ndarray, odds: np.ndarray, target: np.ndarray) -> float:
    line = at[0] * odds + at[1]
    return float((np.logaddexp(0.0, line) - target * line).sum())


def _log_odds(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _sigmoid(line: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(line))
