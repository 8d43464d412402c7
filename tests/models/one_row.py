"""One row of plain values beside a frame of that row and a large frame, compared bit by bit."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.models.predictor import Predictor
from ml_platform.models.row_form import RowPrediction
from tests.models.row_world import INPUTS, frame_of_rows, plain_rows

FAST: dict[str, dict[str, Any]] = {
    "RandomForest": {"n_estimators": 8},
    "ExtraTrees": {"n_estimators": 8},
    "GradientBoosting": {"n_estimators": 8},
    "HistGradientBoosting": {"max_iter": 8},
    "lightgbm": {"num_iterations": 25},
    "xgboost": {"n_estimators": 25},
    "catboost": {"iterations": 25},
}

ROWS = plain_rows(250, 7, hostile=True)


def bits(value: Any) -> Any:
    """Return a plain value in a form that is equal only for the same bits; every null is None."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return struct.pack("d", value) if isinstance(value, float) else value


def of_frame(predictor: Predictor, frame: pd.DataFrame, last: int = 10_000) -> list[tuple[Any, ...]]:
    """Return the predictions for the last rows of a frame, as tuples of what a row form gives."""
    predicted, expected = (part.tail(last) for part in predictor.predict_actions(frame))
    nulls = predictor.unlearned_nulls(frame).tail(last)
    names = [name for name in predicted.columns if name.startswith("score.")]
    rows = []
    for place in range(len(predicted)):
        row = predicted.iloc[place]
        rows.append(
            (
                None if names else bits(float(row["score"])),
                tuple(bits(float(row[name])) for name in names),
                row.get("predicted"),
                bits(row["action"]),
                bits(row["expected_value"]),
                bits(nulls.iloc[place]),
                tuple(bits(float(value)) for value in expected.iloc[place]),
            )
        )
    return rows


def of_row(predicted: RowPrediction) -> tuple[Any, ...]:
    """Return a row's prediction as a tuple of bits."""
    scores = tuple(bits(score) for score in predicted.scores)
    assert predicted.best_action is None  # no row is held out
    expected = tuple(bits(value) for value in predicted.expected)
    return (bits(predicted.score), scores, predicted.predicted, *(bits(value) for value in predicted[3:-2]), expected)


def assert_one_is_many(predictor: Predictor, rows: list[list[Any]] = ROWS) -> None:
    frame = frame_of_rows(rows)
    many, form = of_frame(predictor, frame), predictor.row_form()
    assert form.inputs == INPUTS
    for place, row in enumerate(rows):
        one = of_row(form.predict(row))
        assert one == many[place], f"row {row}: the row form differs from the frame"
        typed = [
            np.nan if value is None and column.type == "float" else value
            for value, column in zip(row, INPUTS, strict=True)
        ]
        assert of_row(form.predict_typed(typed)) == one, f"row {row}: values of their types differ"
        if place % 25 == 0:
            assert of_frame(predictor, frame.iloc[[place]]) == [one], f"row {row}: alone differs"
    repeated = pd.concat([frame] * 9, ignore_index=True)  # LightGBM takes several threads from 2,000 rows on
    assert of_frame(predictor, repeated, last=len(rows)) == many
