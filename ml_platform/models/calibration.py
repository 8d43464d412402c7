"""Calibration: scores to probabilities, learned on the validate period only.

Several classes are calibrated one against the rest, then brought to a sum of one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.declarations.calibrators import CHOOSE_CALIBRATION, NO_CALIBRATION, calibrators
from ml_platform.models.calibrators import Calibrator

PARTS = 5
"""Stretches of the validate period that judge calibrators."""


@dataclass(frozen=True)
class Calibration:
    """One curve for two classes, one for each of several, none where scores stay as they are.

    Attributes
    ----------
    notes
        Why these curves were chosen, where they were.
    """

    curves: tuple[Calibrator, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def fit(
        cls,
        method: str,
        scores: np.ndarray,
        label: np.ndarray,
        times: np.ndarray | None = None,
        period: str = "validate",
    ) -> Calibration:
        """Learn the curves.

        Parameters
        ----------
        method
            The name of a calibrator, ``none``, or ``choose``.
        scores
            One probability per row of the validate period, or one column per class.
        label
            The index of each row's class.
        times
            When each row was asked about, for ``choose``: its parts are stretches of time. Without it they follow the
            order of the rows.
        period
            The period of the split that has the rows.

        Raises
        ------
        TrainingError
            When the period has fewer rows than the calibrator needs, or lacks a class.
        """
        if method == NO_CALIBRATION:
            return cls()
        if method == CHOOSE_CALIBRATION:
            losses = _losses(scores, label, np.arange(len(label)) if times is None else times)
            best = _best(losses)
            return replace(cls.fit(best, scores, label, period=period), notes=(_choice_text(best, losses),))
        if scores.ndim == 1:
            return cls((_curve(method, scores, label == 1, period),))
        columns = range(scores.shape[1])
        return cls(tuple(_curve(method, scores[:, index], label == index, period) for index in columns))

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

    def apply_one(self, score: float | tuple[float, ...]) -> float | tuple[float, ...]:
        """Return the calibrated score of one row, or one for each class, with the bits of `apply`."""
        if not self.curves:
            return score
        if not isinstance(score, tuple):
            return self.curves[0].apply_one(score)
        raised = [curve.apply_one(item) for curve, item in zip(self.curves, score, strict=True)]
        total = 0.0
        for item in raised:
            total += item
        return tuple(item / total for item in raised) if total > 0 else (1 / len(raised),) * len(raised)

    @property
    def method(self) -> str:
        """The name of the calibrator that was fitted, also where it was chosen; ``none`` without one."""
        return self.curves[0].name if self.curves else NO_CALIBRATION

    @property
    def title(self) -> str | None:
        """How an explanation names the step from score to probability; None where there is none."""
        return self.curves[0].title if self.curves else None

    def to_json(self) -> list[Any]:
        """Return the curves as a manifest keeps them."""
        return [[curve.name, *curve.state()] for curve in self.curves]

    @classmethod
    def from_json(cls, stored: list[Any]) -> Calibration:
        """Return the curves that a manifest keeps.

        Raises
        ------
        UntrustedContent
            For a calibrator that the platform does not know.
        """
        return cls(tuple(_calibrator(name).load(state) for name, *state in stored))


def _losses(scores: np.ndarray, label: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return each row's part of the Brier score of each method, none first, by curves that were fitted on other rows.

    A method that cannot be fitted on some of the parts is left out.
    """
    parts = np.array_split(np.argsort(times, kind="stable"), PARTS)
    losses = {}
    for method in (NO_CALIBRATION, *sorted(calibrators())):
        with contextlib.suppress(TrainingError):
            losses[method] = _row_losses(method, scores, label, parts)
    return losses


def _row_losses(method: str, scores: np.ndarray, label: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
    losses = np.zeros(len(label))
    for part in parts:
        others = np.ones(len(label), dtype=bool)
        others[part] = False
        shares = Calibration.fit(method, scores[others], label[others]).apply(scores[part])
        truth = label[part] if shares.ndim == 1 else label[part][:, None] == np.arange(shares.shape[1])
        squares = (shares - truth) ** 2
        losses[part] = squares if squares.ndim == 1 else squares.sum(axis=1)
    return losses


def _best(losses: Mapping[str, np.ndarray]) -> str:
    """Return the method of least loss, and none where that is within one standard error of it (Breiman 1984)."""
    best = min(losses, key=lambda name: float(losses[name].mean()))
    ahead = losses[NO_CALIBRATION] - losses[best]
    error = float(ahead.std()) / len(ahead) ** 0.5
    return best if float(ahead.mean()) > error else NO_CALIBRATION


def _choice_text(best: str, losses: Mapping[str, np.ndarray]) -> str:
    figures = ", ".join(f"{name} {loss.mean():.5f}" for name, loss in losses.items())
    why = "no other is a standard error better" if best == NO_CALIBRATION else "its Brier score is the least"
    return f"calibration {best} was chosen: {why} on parts of the validate period ({figures})"


def _calibrator(name: str) -> type[Calibrator]:
    if name not in calibrators():
        raise UntrustedContent(
            f"a stored model is calibrated by {name!r}, which does not exist here. Install the package that adds it."
        )
    return cast(type[Calibrator], calibrators()[name])


def _curve(method: str, scores: np.ndarray, positive: np.ndarray, period: str) -> Calibrator:
    calibrator = _calibrator(method)
    if len(scores) < calibrator.min_rows or positive.all() or not positive.any():
        raise TrainingError(
            f"calibration {method} needs {calibrator.min_rows} rows and every class in the {period} period, found "
            f"{len(scores)} rows, {int(positive.sum())} of the class. Lengthen split.{period}, or remove calibration."
        )
    return calibrator.fit(scores, positive)
