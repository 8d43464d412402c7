"""Whether declared directions hold: predictions are probed, since what a library promises may not be what is deployed.

The whole predictor is asked, transforms and calibration included: a calibration that falls turns every direction round.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ml_platform.declarations.gates import has_monotone
from ml_platform.declarations.model import ModelSpec
from ml_platform.models.choose import ladder_of
from ml_platform.models.inputs.columns import InputColumn, read_column, read_columns
from ml_platform.models.inputs.matrix import Matrix
from ml_platform.models.predictor import Predictor
from ml_platform.models.train import baselines_of
from ml_platform.storage.artifact_kinds.trained_model import Choice

ROWS, VALUES = 200, 25
"""Rows that are probed, and values that each of them gets in a column."""
TOLERANCE = 1e-12
"""How far a prediction may move the other way: the rounding of equal sums."""


def directions_of(model: ModelSpec, choice: Choice | None) -> Mapping[str, str]:
    """Return the direction of each monotone column of the algorithm that was fitted."""
    algorithms = dict(ladder_of(model.algorithm, baselines_of(model)))
    fitted = model.algorithm if choice is None else algorithms[choice.chosen]
    return fitted.monotone


def monotone_figures(
    model: ModelSpec, choice: Choice | None, predictor: Predictor, frame: pd.DataFrame
) -> dict[str, int]:
    """Return how many probes break a declared direction; nothing where none is declared.

    Parameters
    ----------
    choice
        Which algorithm was chosen, as the trained model's manifest has it.
    frame
        The test rows.
    """
    if not has_monotone(model):
        return {}
    places = np.unique(np.linspace(0, len(frame) - 1, ROWS).astype(int))
    rows = read_columns(frame.iloc[places].reset_index(drop=True), predictor.inputs)
    columns = directions_of(model, choice).items()
    return {"monotone_violations": sum(_violations(predictor, rows, name, direction) for name, direction in columns)}


def _violations(predictor: Predictor, rows: pd.DataFrame, column: str, direction: str) -> int:
    """Return in how many rows the score moves against the direction, somewhere between two values that rows have."""
    scores = _probed_input(predictor, rows, column) if column in rows else _probed_matrix(predictor, rows, column)
    steps = np.diff(scores, axis=1) * (1 if direction == "increasing" else -1)
    return int((steps < -TOLERANCE).any(axis=1).sum())


def _probed_input(predictor: Predictor, rows: pd.DataFrame, column: str) -> np.ndarray:
    """Return the score of each row, one column for each rising value of an input."""
    values = _spread(rows[column].dropna().to_numpy("float64"))
    kind = next(item.type for item in predictor.inputs if item.name == column)
    if not len(values):
        return _table([], len(rows))
    many = rows.iloc[np.tile(np.arange(len(rows)), len(values))].reset_index(drop=True)  # all rows once for each value
    probes = pd.Series(np.repeat(values, len(rows)))
    probed = read_column(probes.astype("int64") if kind == "int" else probes, InputColumn(column, kind))
    return _table(np.split(predictor.scores(many.assign(**{column: probed})), len(values)), len(rows))


def _probed_matrix(predictor: Predictor, rows: pd.DataFrame, column: str) -> np.ndarray:
    """Return the same for a column that a transform adds."""
    matrix = predictor.encode(rows)
    place = matrix.names.index(column)
    known = matrix.values[:, place]
    scores = []
    for value in _spread(known[~np.isnan(known)]):
        probed = matrix.values.copy()
        probed[:, place] = value
        frame = matrix.frame.assign(**{column: value})
        scores.append(predictor.calibration.apply(predictor.estimator.predict(Matrix(matrix.columns, probed, frame))))
    return _table(scores, len(rows))


def _spread(known: np.ndarray) -> np.ndarray:
    """Return rising values, from the least to the greatest that rows have."""
    if not len(known):
        return known
    return np.unique(np.quantile(known, np.linspace(0, 1, VALUES), method="nearest"))


def _table(scores: list[np.ndarray], rows: int) -> np.ndarray:
    return np.column_stack(scores) if scores else np.empty((rows, 0))
