"""Small tables that pictures of an evaluation are drawn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_platform.registry.evaluation.candidates import Contender, EvaluationRows
from ml_platform.registry.evaluation.metrics import calibration_bins
from ml_platform.storage.artifact_kinds.evaluation import (
    Curves,
    PredictedActual,
    ScoreHistogram,
    ThresholdValue,
    TotalsByDay,
)

_THRESHOLDS = np.linspace(0, 1, 41)
_BINS = 20


def curves_of(rows: EvaluationRows, challenger: Contender, contenders: Sequence[Contender]) -> Curves:
    """Return every table that the task has."""
    by_day = value_by_day(rows, contenders)
    if challenger.scores is None or challenger.scores.ndim > 1:
        return Curves(value_by_day=by_day)
    scores = histogram(challenger.scores)
    if rows.model.task == "binary":
        calibration = tuple(calibration_bins(rows.label.astype("float64"), challenger.scores))
        thresholds = value_by_threshold(rows, challenger.scores)
        return Curves(value_by_day=by_day, scores=scores, calibration=calibration, value_by_threshold=thresholds)
    points = predicted_actual(rows.label, challenger.scores)
    return Curves(value_by_day=by_day, scores=scores, predicted_actual=points)


def value_by_threshold(rows: EvaluationRows, scores: np.ndarray) -> tuple[ThresholdValue, ...] | None:
    """Return value per row and share acted on, if one acted on every score at or above a threshold.

    None where the choice is not between one action and doing nothing.
    """
    decision = rows.decision
    others = [name for name in decision.actions if name != decision.do_nothing]
    if len(others) != 1:
        return None
    acting = decision.value(rows.frame, rows.label, np.full(len(scores), others[0], dtype=object))
    nothing = decision.value(rows.frame, rows.label, np.full(len(scores), decision.do_nothing, dtype=object))
    valued = ~(np.isnan(acting) | np.isnan(nothing))
    by_threshold = []
    for threshold in _THRESHOLDS:
        acted = scores[valued] >= threshold
        value = np.where(acted, acting[valued], nothing[valued])
        share = float(acted.mean())
        by_threshold.append(ThresholdValue(threshold=float(threshold), value=float(value.mean()), acted=share))
    return tuple(by_threshold)


def value_by_day(rows: EvaluationRows, contenders: Sequence[Contender]) -> TotalsByDay:
    """Return what each contender earned on each day."""
    days, place = np.unique(rows.days, return_inverse=True)
    totals = {
        item.name: np.bincount(place, weights=np.nan_to_num(item.value), minlength=len(days)).tolist()
        for item in contenders
    }
    return TotalsByDay(days=tuple(str(day)[:10] for day in days), totals=totals)


def predicted_actual(label: np.ndarray, scores: np.ndarray, bins: int = 12) -> tuple[PredictedActual, ...]:
    """Return the truth's mean, 10 % and 90 % quantile in bins of the prediction with equal row counts."""
    points = []
    for part in np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores))):
        low, middle, high = np.quantile(label[part], (0.1, 0.5, 0.9))
        points.append(
            PredictedActual(
                predicted=float(scores[part].mean()),
                actual=float(label[part].mean()),
                low=float(low),
                median=float(middle),
                high=float(high),
                rows=len(part),
            )
        )
    return tuple(points)


def histogram(scores: np.ndarray) -> ScoreHistogram:
    """Return row counts in equal bins over the range of the scores."""
    counts, edges = np.histogram(scores, bins=_BINS)
    return ScoreHistogram(edges=edges.tolist(), rows=counts.tolist())
