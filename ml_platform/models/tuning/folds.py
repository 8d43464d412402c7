"""The periods that judge trials: the model's own split, moved back in time until it ends before the test period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import TrainingError
from ml_platform.core.hashing import format_instant
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.datasets.snapshot.read import Snapshot
from ml_platform.declarations.metric_names import headline_metric, loss_quantile
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.bundled_code import Code
from ml_platform.models.capacity import Capacity, predict_within
from ml_platform.models.fit_inputs import all_inputs
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.inputs.labels import class_indices, read_label
from ml_platform.models.inputs.matrix import Matrix, encode
from ml_platform.models.inputs.transforms import apply_transforms
from ml_platform.models.predictor import Predictor
from ml_platform.models.prepare import Prepared, prepare
from ml_platform.models.tuning.apply import with_params
from ml_platform.models.tuning.trial import DayLosses
from ml_platform.storage.artifact_kinds.tuning import FoldFacts


@dataclass(frozen=True)
class Fold:
    """One period that judges, with what is fitted before it.

    Attributes
    ----------
    prepared
        The train and validate periods of the fold.
    rows, label, truth
        The rows that judge; the index of their class, or their number; and the label as payoffs read it.
    matrix
        What the estimator sees of these rows.
    """

    prepared: Prepared
    boundaries: Boundaries
    rows: pd.DataFrame
    label: np.ndarray
    truth: np.ndarray
    matrix: Matrix

    def judge(self, params: Mapping[str, Any]) -> DayLosses:
        """Fit the algorithm with some parameters, calibrated as it would be deployed, and return the losses by day.

        Raises
        ------
        TrainingError
            Where they cannot be fitted, or a loss is no finite number.
        """
        algorithm = with_params(self.prepared.model, params).algorithm
        losses = self._losses(self.prepared.fit(algorithm, calibrated=True))
        if not np.isfinite(losses).all():
            raise TrainingError("the loss of a row is no finite number")
        return DayLosses.of(losses, self.rows[EFFECTIVE_TIME].to_numpy("datetime64[D]"))

    def _losses(self, predictor: Predictor) -> np.ndarray:
        model = self.prepared.model
        if model.tuning is not None and model.tuning.score == "value":
            return self._lost_money(predictor)
        scores = predictor.calibration.apply(predictor.estimator.predict(self.matrix))
        if predictor.classes:
            columns = scores[:, None] if scores.ndim == 1 else scores
            truth = self.label[:, None] == (np.arange(columns.shape[1]) if scores.ndim > 1 else 1)
            return np.asarray(np.square(columns - truth).sum(axis=1))
        error, level = self.label - scores, loss_quantile(model)
        if level is not None:
            return np.asarray(np.maximum(level * error, (level - 1) * error))
        return np.asarray(np.abs(error) if headline_metric(model) == "mae" else np.square(error))

    def _lost_money(self, predictor: Predictor) -> np.ndarray:
        """Return the gain of each row over doing nothing, with a minus; 0 for a row without a value."""
        decision, capacity = predictor.decision, Capacity.declared(self.prepared.model.value)
        predicted = predict_within(predictor, self.rows, capacity, self.prepared.entity_key)
        taken = predicted["action" if predictor.classes else "score"].to_numpy()
        earned, nothing = (decision.value(self.rows, self.truth, item) for item in (taken, decision.nothing(self.rows)))
        return np.asarray(np.nan_to_num(nothing - earned))

    @property
    def facts(self) -> FoldFacts:
        """The fold as a manifest has it."""
        start, end = self.boundaries.stretch("test")
        return FoldFacts(
            start=format_instant(start), end=format_instant(end), fitted=self.prepared.train.rows, judged=len(self.rows)
        )


def score_of(model: ModelSpec) -> str:
    """Return the name of what trials are judged by."""
    assert model.tuning is not None
    if model.tuning.score == "value":
        return "value"
    if model.task in ("binary", "multiclass"):
        return "brier"
    return {"rmse": "squared error", "mae": "absolute error"}.get(headline_metric(model), "pinball")


def folds_of(spec: ProjectSpec, model: ModelSpec, code: Code, snapshot: Snapshot) -> list[Fold]:
    """Return the folds of a model in order of time.

    Parameters
    ----------
    snapshot
        Its train and validate periods; rows of the test period are not needed, and never read.

    Raises
    ------
    TrainingError
        Where a fold has no rows to fit on or to judge.
    """
    assert model.tuning is not None
    return [_fold(spec, model, code, snapshot, back) for back in reversed(range(model.tuning.folds))]


def _fold(spec: ProjectSpec, model: ModelSpec, code: Code, snapshot: Snapshot, back: int) -> Fold:
    """Return the fold whose period ends so many periods before the test period starts."""
    outer = snapshot.boundaries
    length = outer.test_start - outer.validate_start
    end = outer.test_start - back * length
    boundaries = Boundaries(outer.train_start, end - 2 * length, end - length, end, outer.horizon)
    moved = replace(snapshot, boundaries=boundaries)
    fitted, validate = (_settled(moved, name) for name in ("train", "validate"))
    prepared = prepare(spec, model, code, fitted, validate)
    judged = moved.part("test")
    label = class_indices(read_label(judged["label"], model.task), prepared.classes)
    known = label >= 0 if prepared.classes else np.ones(len(judged), dtype=bool)
    rows = judged[known].reset_index(drop=True)
    if not len(rows):
        raise TrainingError(
            f"the fold of tuning from {boundaries.test_start:%Y-%m-%d} has no row. Lower tuning.folds, or lengthen "
            "split.validate."
        )
    read = read_columns(rows, all_inputs(spec, model))
    matrix = encode(apply_transforms(read, prepared.transforms), prepared.train.columns)
    truth = np.asarray(read_label(rows["label"], model.task))
    return Fold(prepared, boundaries, rows, label[known], truth, matrix)


def _settled(snapshot: Snapshot, part: Any) -> pd.DataFrame:
    """Return the rows of a period whose label is settled before the next period begins."""
    rows = snapshot.part(part)
    end = snapshot.boundaries.stretch(part)[1] - snapshot.boundaries.horizon
    return rows[rows[EFFECTIVE_TIME] <= end].reset_index(drop=True)
