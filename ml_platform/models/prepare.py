"""From the stretches of a snapshot to what the algorithms are fitted on, made once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import TrainingError
from ml_platform.declarations.algorithms import algorithm_kind, resolve_algorithm
from ml_platform.declarations.calibrators import NO_CALIBRATION
from ml_platform.declarations.model import Algorithm, ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features, feature_type
from ml_platform.models.bundled_code import Code
from ml_platform.models.calibration import Calibration
from ml_platform.models.decision import Decision
from ml_platform.models.estimators.base import FitRequest
from ml_platform.models.estimators.registry import fit_estimator, reads_matrix
from ml_platform.models.fit_inputs import all_inputs, inputs_of, needs_transforms
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.inputs.labels import class_indices, learn_classes, read_label
from ml_platform.models.inputs.matrix import Matrix, MatrixColumn, encode, learn_columns
from ml_platform.models.inputs.transforms import Transform, apply_transforms, learn_transform
from ml_platform.models.predictor import Predictor


@dataclass(frozen=True)
class Prepared:
    """Matrices and labels of the train and validate stretches, and how they were made.

    Attributes
    ----------
    validate_rows, validate_truth
        The rows of the validate period as they were read, and their labels as payoffs read them.
    notes
        What a reader of the figures should know of the validate period.
    until
        The effective time of the newest row that took part.
    """

    spec: ProjectSpec
    model: ModelSpec
    code: Code
    transforms: tuple[Transform, ...]
    train: Matrix
    label: np.ndarray
    validate: Matrix
    validate_label: np.ndarray
    validate_rows: pd.DataFrame
    validate_truth: Any
    classes: tuple[Any, ...]
    notes: tuple[str, ...]
    until: datetime

    @property
    def entity_key(self) -> tuple[str, ...]:
        """The columns of the key of the entity that is asked about."""
        return self.spec.file.entities[self.model.population.entity]

    def fit(self, algorithm: Algorithm, *, calibrated: bool = False) -> Predictor:
        """Return the predictor of one algorithm; the validate period serves early stopping and calibration only.

        Raises
        ------
        TrainingError
            Where the algorithm cannot be fitted on these rows.
        """
        estimator = fit_estimator(self._fitting(algorithm))
        method = self.model.calibration if calibrated else NO_CALIBRATION
        scores = estimator.predict(self.validate) if method != NO_CALIBRATION else np.empty(0)
        with_transforms = needs_transforms(self.model, algorithm)
        with_code = with_transforms or ":" in algorithm.name
        return Predictor(
            task=self.model.task,
            inputs=inputs_of(self.spec, self.model, algorithm),
            transforms=self.transforms if with_transforms else (),
            matrix=self.train.columns if reads_matrix(algorithm.name) else (),
            estimator=estimator,
            calibration=Calibration.fit(method, scores, self.validate_label, self._validate_times),
            decision=Decision.declared(self.model.value, self.model.population.owner),
            classes=self.classes,
            code=self.code if with_code else Code({}, self.code.root, self.code.unpacked),
        )

    @property
    def _validate_times(self) -> np.ndarray:
        return self.validate_rows["effective_time"].astype("datetime64[us, UTC]").to_numpy("datetime64[us]")

    def _fitting(self, algorithm: Algorithm) -> FitRequest:
        return FitRequest(
            task=self.model.task,
            algorithm=resolve_algorithm(algorithm.name, self.model.task),
            params=algorithm.params,
            matrix=self.train,
            label=self.label,
            validate=self.validate,
            validate_label=self.validate_label,
            classes=self.classes,
            quantile=self.model.quantile,
            expression=algorithm.expression,
            monotone=algorithm.monotone,
            seed=algorithm.seed,
            threads=self.spec.file.threads,
            source=self.model.population.owner,
            code=self.code,
        )


def prepare(spec: ProjectSpec, model: ModelSpec, code: Code, train: pd.DataFrame, validate: pd.DataFrame) -> Prepared:
    """Return matrices and labels of two stretches of a snapshot.

    Parameters
    ----------
    train, validate
        One row per prediction, in a fixed order, with the model frame's columns and ``label``.

    Raises
    ------
    TrainingError
        When there is no row, one class, or a transform does not fit.
    """
    for name, part in (("train", train), ("validate", validate)):
        if not len(part):
            raise TrainingError(f"the {name} period has no row. Lengthen split.{name}.")
    classes = learn_classes(train["label"], model.task)
    validate_label = class_indices(read_label(validate["label"], model.task), classes)
    known = validate_label >= 0 if classes else np.ones(len(validate), dtype=bool)
    notes = _validate_notes(model, classes, validate_label[known], int((~known).sum()))
    transforms, columns, matrix = _learned(spec, model, code, train)
    checked = read_columns(validate[known].reset_index(drop=True), all_inputs(spec, model))
    return Prepared(
        spec=spec,
        model=model,
        code=code,
        transforms=transforms,
        train=matrix,
        label=class_indices(read_label(train["label"], model.task), classes),
        validate=encode(apply_transforms(checked, transforms), columns),
        validate_label=validate_label[known],
        validate_rows=validate[known].reset_index(drop=True),
        validate_truth=read_label(validate["label"], model.task)[known],
        classes=classes,
        notes=notes,
        until=max(part["effective_time"].max() for part in (train, validate)).to_pydatetime(),
    )


def prepare_refit(prepared: Prepared, frames: Sequence[pd.DataFrame]) -> Prepared:
    """Return what a refit is fitted on: matrix and labels of other rows, and an empty validate period.

    Columns, categories and transforms are learned from these rows; the classes stay, since the decision was evaluated
    with them. Rows of a class that the train period does not have are left out.

    Parameters
    ----------
    frames
        The periods whose rows are fitted, in order of time.
    """
    rows = pd.concat(list(frames), ignore_index=True)
    label = class_indices(read_label(rows["label"], prepared.model.task), prepared.classes)
    known = label >= 0 if prepared.classes else np.ones(len(rows), dtype=bool)
    fitted, unknown = rows[known].reset_index(drop=True), int((~known).sum())
    transforms, columns, matrix = _learned(prepared.spec, prepared.model, prepared.code, fitted)
    return replace(
        prepared,
        transforms=transforms,
        train=matrix,
        label=label[known],
        validate=encode(matrix.frame.iloc[:0], columns),
        validate_label=label[:0],
        validate_rows=fitted.iloc[:0],
        validate_truth=prepared.validate_truth[:0],
        notes=(f"{unknown} rows of a class that the train period does not have are not refitted",) if unknown else (),
        until=fitted["effective_time"].max().to_pydatetime(),
    )


def _learned(
    spec: ProjectSpec, model: ModelSpec, code: Code, frame: pd.DataFrame
) -> tuple[tuple[Transform, ...], tuple[MatrixColumn, ...], Matrix]:
    """Return the transforms, the columns and the matrix that follow from the rows of a fit."""
    rows = read_columns(frame.reset_index(drop=True), all_inputs(spec, model))
    transforms: list[Transform] = []
    algorithms = (model.algorithm, *model.baselines)
    needed = any(needs_transforms(model, algorithm) for algorithm in algorithms)
    for reference in model.transforms if needed else ():
        row_form = code.load_row_form(reference)
        transform, rows = learn_transform(reference, code.load(reference), rows, row_form)
        transforms.append(transform)
    columns = learn_columns(rows, _matrix_names(spec, model, transforms))
    return tuple(transforms), columns, encode(rows, columns)


def _validate_notes(model: ModelSpec, classes: tuple[Any, ...], label: np.ndarray, unknown: int) -> tuple[str, ...]:
    """Return what is wrong with the labels of the validate period, where nothing is learned from them.

    Raises
    ------
    TrainingError
        Where they have one class, and early stopping or calibration learns from them.
    """
    notes = []
    if unknown:
        notes.append(f"{unknown} rows of the validate period have a class that the train period does not have")
    if classes and len(np.unique(label)) < 2:
        only = classes[int(label[0])] if len(label) else "none"
        one = f"the validate period has one class ({str(only).lower()}) in all {len(label)} rows"
        users = [
            *(["early stopping"] if _stops_early(model) else []),
            *(["calibration"] if model.calibration != NO_CALIBRATION else []),
        ]
        if users:
            raise TrainingError(f"{one}, and {' and '.join(users)} learn from it. Lengthen split.validate.")
        notes.append(one)
    return tuple(notes)


def _stops_early(model: ModelSpec) -> bool:
    kind = algorithm_kind(model.algorithm.name, model.task)
    return kind is not None and kind.stops_early(model.algorithm.params)


def _matrix_names(spec: ProjectSpec, model: ModelSpec, transforms: list[Transform]) -> list[str]:
    """Return the columns of the matrix: features that are no timestamps, and what transforms add.

    Where no algorithm learns from features, rows may lack them: then there are those of transforms only.
    """
    if not any(reads_matrix(algorithm.name) for algorithm in (model.algorithm, *model.baselines)):
        return [column.name for transform in transforms for column in transform.columns]
    features = [name for name in expand_features(spec, model) if feature_type(spec, name, model) != "timestamp"]
    names = [*features, *(column.name for transform in transforms for column in transform.columns)]
    if not names:
        raise TrainingError(f"{model.name} has no column to learn from: timestamps are no features by themselves.")
    return names
