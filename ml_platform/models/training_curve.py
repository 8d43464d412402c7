"""The training curve of boosted trees: the loss after so many rounds, on the rows that were fitted and on others.

It follows from the fitted trees and the snapshot, so it is the same whenever it is computed, and nothing of it is kept
in a trained model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_platform.datasets.snapshot.boundaries import Part
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.inputs.labels import class_indices, read_label
from ml_platform.models.inputs.matrix import Matrix
from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact

POINTS, ROWS = 40, 20_000
"""At most so many points, and about so many rows of each period: evenly spread days where there are more."""
_PARTS: tuple[Part, ...] = ("train", "validate")
_EPSILON = 1e-15


@dataclass(frozen=True)
class TrainingCurve:
    """Losses of a fit.

    Attributes
    ----------
    loss
        ``log_loss`` for classes; ``pinball_loss`` for a number whose quantile is fitted, else ``rmse``.
    rounds
        After how many rounds of boosting.
    losses
        By period, one for each of `rounds`.
    """

    loss: str
    rounds: tuple[int, ...]
    losses: Mapping[Part, tuple[float, ...]]

    def series(self) -> dict[str, list[tuple[int, float]]]:
        """Return each curve by its name, such as ``train.log_loss``, as pairs of round and loss."""
        return {
            f"{part}.{self.loss}": list(zip(self.rounds, losses, strict=True)) for part, losses in self.losses.items()
        }


def training_curve(project: Project, trained: Artifact) -> TrainingCurve | None:
    """Return the curve of a trained model, before calibration; None where its algorithm has no rounds.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    predictor, about = load_predictor(project, trained), TrainedModelManifest.of(trained)
    last = predictor.estimator.iterations
    if not last:
        return None
    rounds = _spread(last)
    quantile = loss_quantile(project.spec.models[about.model])
    losses: dict[Part, tuple[float, ...]] = {}
    for part in _PARTS:
        frame = load_snapshot(project, trained.inputs["snapshot"], (part,), ROWS).part(part)
        label = class_indices(read_label(frame["label"], predictor.task), predictor.classes)
        known = label >= 0 if predictor.classes else np.ones(len(frame), dtype=bool)
        matrix = predictor.encode(read_columns(frame[known].reset_index(drop=True), predictor.inputs))
        made = _losses(predictor, matrix, label[known], rounds, quantile)
        if made is None:
            return None
        losses[part] = made
    return TrainingCurve(_name(predictor, quantile), rounds, losses)


def _spread(last: int) -> tuple[int, ...]:
    """Return up to `POINTS` rounds, the first and the last among them."""
    return tuple(sorted({int(point) for point in np.linspace(1, last, min(last, POINTS)).round()}))


def _losses(
    predictor: Predictor, matrix: Matrix, label: np.ndarray, rounds: Sequence[int], quantile: float | None
) -> tuple[float, ...] | None:
    made = []
    for number in rounds:
        scores = predictor.estimator.predict_after(matrix, number)
        if scores is None:
            return None
        made.append(_loss(predictor, scores, label, quantile))
    return tuple(made)


def _loss(predictor: Predictor, scores: np.ndarray, label: np.ndarray, quantile: float | None) -> float:
    if predictor.classes:
        columns = np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores
        truth = columns[np.arange(len(label)), label.astype(int)]
        return float(-np.mean(np.log(np.clip(truth, _EPSILON, 1 - _EPSILON))))
    error = label - scores
    if quantile is not None:
        return float(np.mean(np.maximum(quantile * error, (quantile - 1) * error)))
    return float(np.sqrt(np.mean(np.square(error))))


def _name(predictor: Predictor, quantile: float | None) -> str:
    if predictor.classes:
        return "log_loss"
    return "rmse" if quantile is None else "pinball_loss"
