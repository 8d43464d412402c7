"""Small tables that pictures of an evaluation are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_platform.registry.evaluation.candidates import Contender, EvaluationRows
from ml_platform.registry.evaluation.metrics import calibration_bins

_THRESHOLDS = np.linspace(0, 1, 41)
_BINS = 20


def curves_of(rows: EvaluationRows, challenger: Contender, contenders: Sequence[Contender]) -> dict[str, Any]:
    """Return every table that the task has."""
    curves: dict[str, Any] = {"value_by_day": value_by_day(rows, contenders)}
    if challenger.scores is None or challenger.scores.ndim > 1:
        return curves
    curves["scores"] = histogram(challenger.scores)
    if rows.model.task == "binary":
        curves["calibration"] = calibration_bins(rows.label.astype("float64"), challenger.scores)
        curves["value_by_threshold"] = value_by_threshold(rows, challenger.scores)
    else:
        curves["predicted_actual"] = predicted_actual(rows.label, challenger.scores)
    return curves


def value_by_threshold(rows: EvaluationRows, scores: np.ndarray) -> list[dict[str, Any]] | None:
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
        by_threshold.append({"threshold": float(threshold), "value": float(value.mean()), "acted": float(acted.mean())})
    return by_threshold


def value_by_day(rows: EvaluationRows, contenders: Sequence[Contender]) -> dict[str, Any]:
    """Return what each contender earned on each day."""
    days, place = np.unique(rows.days, return_inverse=True)
    totals = {
        item.name: np.bincount(place, weights=np.nan_to_num(item.value), minlength=len(days)).tolist()
        for item in contenders
    }
    return {"days": [str(day)[:10] for day in days], "totals": totals}


def predicted_actual(label: np.ndarray, scores: np.ndarray, bins: int = 12) -> list[dict[str, float]]:
    """Return the truth's mean, 10 % and 90 % quantile in bins of the prediction with equal row counts."""
    points = []
    for part in np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores))):
        low, middle, high = np.quantile(label[part], (0.1, 0.5, 0.9))
        points.append(
            {
                "predicted": float(scores[part].mean()),
                "actual": float(label[part].mean()),
                "low": float(low),
                "median": float(middle),
                "high": float(high),
                "rows": len(part),
            }
        )
    return points


def histogram(scores: np.ndarray) -> dict[str, list[float]]:
    """Return row counts in equal bins over the range of the scores."""
    counts, edges = np.histogram(scores, bins=_BINS)
    return {"edges": edges.tolist(), "rows": counts.tolist()}
