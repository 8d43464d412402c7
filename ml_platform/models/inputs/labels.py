"""The label as estimators take it: numbers, or the index of a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import PredictionError, TrainingError, listed
from ml_platform.declarations.model import Task
from ml_platform.models.inputs.columns import InputColumn, column_type, read_column

BINARY = (False, True)


def learn_classes(label: pd.Series, task: Task) -> tuple[Any, ...]:
    """Return the label's values that training knows, in order; empty for a regression.

    Raises
    ------
    TrainingError
        When a classification has only one class.
    """
    if task in ("regression", "quantile"):
        return ()
    values = read_label(label, task)
    classes = sorted(set(values.tolist()))
    if len(classes) < 2:
        raise TrainingError(
            f"the label has one class ({classes[0] if classes else 'no row'}) in all {len(label)} training rows. "
            "Lengthen split.train, or correct label.expression."
        )
    return BINARY if task == "binary" else tuple(classes)


def read_label(label: pd.Series, task: Task) -> np.ndarray:
    """Return the label: floats for a regression, booleans for two classes, values as they are for several.

    Raises
    ------
    TrainingError
        When it is null, or not of the task's type.
    """
    if label.isna().any():
        raise TrainingError(f"the label is null in {int(label.isna().sum())} rows. A snapshot has only settled labels.")
    kind = column_type(label)
    if task == "multiclass" and kind == "string":
        return label.to_numpy(dtype=object)
    if kind not in ("bool", "float"):
        raise TrainingError(f"the label of task {task} is {kind or label.dtype}. Correct label.expression, or task.")
    try:
        values = read_column(label, InputColumn("label", "bool" if task == "binary" else "float"))
    except PredictionError:
        listed_values = listed(sorted(label.unique())[:10])
        raise TrainingError(
            f"a binary label is 0 or 1, found {listed_values}. Correct label.expression, or task."
        ) from None
    if task == "multiclass" and (values == np.floor(values)).all():
        return values.to_numpy(dtype="int64")
    return values.to_numpy(dtype="bool" if task == "binary" else "float64")


def class_indices(values: np.ndarray, classes: tuple[Any, ...]) -> np.ndarray:
    """Return the index of each label's class as float64; -1 for a class that training did not know."""
    if not classes:
        return values.astype("float64")
    order = {value: float(index) for index, value in enumerate(classes)}
    return np.array([order.get(value, -1.0) for value in values.tolist()])
