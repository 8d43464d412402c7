"""Partial dependence: the mean prediction where one input has the same value in every row (Friedman 2001).

The predictor is the one that answers, so that its transforms see the changed value too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.plain_values import json_value
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor

POINTS = 12
_ENDS = (0.05, 0.95)
"""The quantiles between which numbers are drawn: beyond them there are few rows to rest on."""


@dataclass(frozen=True)
class Dependence:
    """One input.

    Attributes
    ----------
    ordered
        Whether the values are numbers or instants, and not texts or truth values.
    values, scores
        The values in order, and the mean prediction of the rows where the input has this value in all of them. Of
        several classes it is the probability of the one that it changes most.
    by_class
        The mean probability of each class, by its name; empty but for several classes.
    """

    column: str
    ordered: bool
    values: tuple[Any, ...]
    scores: tuple[float, ...]
    by_class: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def reach(self) -> float:
        """By how much the mean prediction changes at most."""
        return max(self.scores) - min(self.scores)


def partial_dependence(predictor: Predictor, frame: pd.DataFrame, columns: Sequence[str]) -> tuple[Dependence, ...]:
    """Return how the mean prediction depends on some inputs, one after another.

    Parameters
    ----------
    frame
        One row per prediction, as for `Predictor.predict`.
    columns
        Names of inputs. An input that has fewer than two values in `frame` is left out.

    """
    if not len(frame):
        return ()
    rows = read_columns(frame.reset_index(drop=True), predictor.inputs)
    dependences = []
    for column in columns:
        values = _values(rows[column])
        if len(values) > 1:
            means = np.array([_mean_scores(predictor, rows, column, value) for value in values])
            plain: tuple[Any, ...] = tuple(json_value(value) for value in values)
            dependences.append(Dependence(column, _is_ordered(rows[column]), plain, *_curves(predictor, means)))
    return tuple(dependences)


def _is_ordered(column: pd.Series[Any]) -> bool:
    return column.dtype != object and not pd.api.types.is_bool_dtype(column)


def _values(column: pd.Series[Any]) -> list[Any]:
    """Return values that rows have: of numbers by quantiles, else the most frequent, ties by name."""
    known = column.dropna()
    if _is_ordered(column):
        ranked = known.sort_values(kind="stable")
        places = np.linspace(*_ENDS, POINTS) * (len(ranked) - 1)
        return list(dict.fromkeys(ranked.iloc[np.round(places).astype(int)])) if len(ranked) else []
    counts = sorted(known.value_counts().items(), key=lambda item: (-item[1], str(item[0])))
    return [value for value, _ in counts[:POINTS]]


def _curves(predictor: Predictor, means: np.ndarray) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    """Return the curve of the prediction, and those of the classes where there are several."""
    curves = [tuple(curve.tolist()) for curve in means.T]
    if len(curves) == 1:
        return curves[0], {}
    names = [str(json_value(label)) for label in predictor.classes]
    return max(curves, key=lambda curve: max(curve) - min(curve)), dict(zip(names, curves, strict=True))


def _mean_scores(predictor: Predictor, rows: pd.DataFrame, column: str, value: Any) -> np.ndarray:
    """Return the mean of each score of the rows."""
    same = pd.Series([value] * len(rows), index=rows.index, dtype=rows[column].dtype)
    return np.atleast_1d(predictor.scores(rows.assign(**{column: same})).mean(axis=0))
