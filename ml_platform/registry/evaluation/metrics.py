"""The field's usual metrics, in NumPy; tests hold each against scikit-learn.

A metric that has no value on the rows at hand (an AUC of one class) is None.
"""

from __future__ import annotations

import numpy as np

from ml_platform.core.statistics.ranking import auc
from ml_platform.declarations.model import Task
from ml_platform.storage.artifact_kinds.evaluation import CalibrationBin

_EPSILON = float(np.finfo(np.float64).eps)
_BINS = 10

Figures = dict[str, float | None]


def metrics_of(task: Task, label: np.ndarray, scores: np.ndarray, quantile: float | None = None) -> Figures:
    """Return the metrics of a task.

    Parameters
    ----------
    label
        Numbers, or the index of each row's class.
    scores
        As an estimator gives them: the probability of class 1, one column per class, or the prediction.
    quantile
        The quantile whose pinball loss the estimator is fitted to; a regression has quantile metrics only with one.
    """
    if task == "binary":
        return binary_metrics(label, scores)
    if task == "multiclass":
        return multiclass_metrics(label, scores)
    if task == "quantile":
        return quantile_metrics(label, scores, quantile)
    fitted_to = {} if quantile is None else quantile_metrics(label, scores, quantile)
    return {**fitted_to, **regression_metrics(label, scores)}


def binary_metrics(label: np.ndarray, scores: np.ndarray) -> Figures:
    """Return AUC, average precision, log loss, Brier score, accuracy at 0.5, and calibration error."""
    return {
        "auc": auc(label, scores),
        "average_precision": average_precision(label, scores),
        "log_loss": _log_loss(np.where(label == 1, scores, 1 - scores)),
        "brier": float(np.mean((scores - label) ** 2)),
        "accuracy": float(np.mean((scores >= 0.5) == (label == 1))),
        "calibration_error": calibration_error(label, scores),
    }


def multiclass_metrics(label: np.ndarray, scores: np.ndarray) -> Figures:
    """Return log loss and accuracy; a class that training did not know has probability zero."""
    known = label >= 0
    column = np.where(known, label, 0).astype(int)
    share = np.where(known, scores[np.arange(len(label)), column], 0.0)
    return {"log_loss": _log_loss(share), "accuracy": float(np.mean(scores.argmax(axis=1) == label))}


def regression_metrics(label: np.ndarray, scores: np.ndarray) -> Figures:
    """Return mean absolute error, root mean squared error, R squared, and bias (prediction less truth)."""
    error = scores - label
    scatter = float(np.sum((label - label.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": 1 - float(np.sum(error**2)) / scatter if scatter > 0 else None,
        "bias": float(np.mean(error)),
    }


def quantile_metrics(label: np.ndarray, scores: np.ndarray, quantile: float | None) -> Figures:
    """Return pinball loss (Koenker and Bassett 1978) and coverage: the share of labels at or below the prediction."""
    level = 0.5 if quantile is None else quantile
    above = label - scores
    return {
        "pinball": float(np.mean(np.maximum(level * above, (level - 1) * above))),
        "coverage": float(np.mean(label <= scores)),
    }


def average_precision(label: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the mean of precision over the steps of recall, one step for each distinct score."""
    positive = (label == 1).astype("float64")
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last_of_score = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision = hits[last_of_score] / (last_of_score + 1)
    recall = hits[last_of_score] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def calibration_bins(label: np.ndarray, scores: np.ndarray, bins: int = _BINS) -> list[CalibrationBin]:
    """Return mean score, share of class 1 and rows in up to `bins` bins of equal row counts."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)))
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, max(len(edges) - 2, 0))
    bins_filled = []
    for index in np.unique(place):
        inside = place == index
        share = float((label[inside] == 1).mean())
        bins_filled.append(CalibrationBin(score=float(scores[inside].mean()), share=share, rows=int(inside.sum())))
    return bins_filled


def calibration_error(label: np.ndarray, scores: np.ndarray) -> float:
    """Return how far score and share of class 1 lie apart, over ten bins of equal row counts, weighted by rows."""
    apart = [abs(item.score - item.share) * item.rows for item in calibration_bins(label, scores)]
    return float(sum(apart) / len(scores))


def _log_loss(share_of_truth: np.ndarray) -> float:
    return float(-np.mean(np.log(np.clip(share_of_truth, _EPSILON, 1 - _EPSILON))))
