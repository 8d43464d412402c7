"""How well one feature alone predicts the label, out of time: fitted on one period, measured on the next.

Classes: the area under the ROC curve. Numbers: the share of variance explained. A null is a value like any other.
Each figure has a lower confidence limit, so that few rows of a rare label are no proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from ml_platform.core.statistics.moments import center_and_scale, is_constant
from ml_platform.core.statistics.ranking import auc

_BINS, _ROWS_A_BIN = 256, 20
_LEAST_ROWS = 10
_CHANCE = 0.01  # of a lower limit that is too high, over all features of a snapshot together
_SMOOTHING = 1.0  # one row of the average is added to each level, so that rare ones are not believed


@dataclass(frozen=True, order=True)
class Strength:
    """How well a feature predicts the label, and how much of that is sure."""

    figure: float
    at_least: float


@dataclass(frozen=True)
class CheckedColumn:
    """One feature on both stretches.

    Attributes
    ----------
    codes, later_codes
        The level of each row: 0 for null, -1 for a text that the first stretch did not have.
    values, later_values
        Numbers with NaN; None for texts.
    """

    codes: np.ndarray
    later_codes: np.ndarray
    values: np.ndarray | None = None
    later_values: np.ndarray | None = None


def numbers(series: pd.Series) -> np.ndarray | None:
    """Return a column as float64 with NaN; None for texts."""
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        micros = series.to_numpy(dtype="datetime64[us]")
        return np.where(np.isnat(micros), np.nan, micros.astype("int64").astype("float64"))
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        return series.to_numpy(dtype="float64", na_value=np.nan)
    return None


def read_column(train: pd.Series, validate: pd.Series) -> CheckedColumn:
    """Return a feature's levels on both stretches: bins of equal row counts for numbers, values for texts."""
    values, later = numbers(train), numbers(validate)
    if values is None or later is None:
        levels = pd.Index(train.dropna().unique())
        codes, later_codes = (levels.get_indexer(part) + 1 for part in (train, validate))
        later_codes = np.where((later_codes == 0) & validate.notna().to_numpy(), -1, later_codes)
        return CheckedColumn(codes, later_codes)
    edges = _edges(values)
    return CheckedColumn(_bins(values, edges), _bins(later, edges), values, later)


def _edges(values: np.ndarray) -> np.ndarray:
    known = np.sort(values[~np.isnan(values)])  # quantiles of sorted numbers are found several times faster
    bins = int(np.clip(len(known) // _ROWS_A_BIN, 2, _BINS))
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.empty(0)


def _bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return 0 for null, else one more than how many edges are at or below the value."""
    order = np.argsort(values)  # nulls come last
    ordered = values[order]
    starts = np.searchsorted(ordered, [*edges, np.nan])  # far fewer than values to search for
    codes = np.zeros(len(values), dtype=np.int64)
    codes[order] = np.repeat([*range(1, len(edges) + 2), 0], np.diff(starts, prepend=0, append=len(values)))
    return codes


def class_strength(
    column: CheckedColumn, target: np.ndarray, later: np.ndarray, entity: np.ndarray, features: int = 1
) -> Strength | None:
    """Return the larger AUC of a feature's levels, encoded by the target, and of its own order; None for few rows.

    Parameters
    ----------
    target, later
        Whether each row is of the class, in the first period and in the next.
    entity
        A number for the entity of each later row: rows of one entity are no independent evidence.
    features
        How many features are looked at.
    """
    if min(later.sum(), (~later).sum()) < _LEAST_ROWS:
        return None
    scores = [_encoded(column, target.astype("float64"))]
    if column.values is not None and column.later_values is not None:
        scores.append(_ranked(column.values, column.later_values, target))
    figure = max(auc(later.astype(int), score) or 0.0 for score in scores)
    few = min(len(np.unique(entity[later])), len(np.unique(entity[~later])))
    return Strength(figure, _auc_at_least(figure, few, _deviations(features)))


def number_strength(
    column: CheckedColumn, target: np.ndarray, later: np.ndarray, entity: np.ndarray, features: int = 1
) -> Strength | None:
    """Return the larger share of variance that a feature's levels, or a straight line, explain; None for few rows.

    It is the squared correlation with the label, so that a label whose average moves between the periods hides none.
    Its limit follows from Fisher's z (1915).
    """
    if len(later) < 2 * _LEAST_ROWS or is_constant(later):
        return None
    guesses = [_encoded(column, target)]
    if column.values is not None and column.later_values is not None:
        guesses.append(_line(column.values, column.later_values, target))
    figure = max(_explained(guess, later) for guess in guesses)
    rows = max(len(np.unique(entity)), 4)
    least = np.arctanh(min(np.sqrt(figure), 1 - 1e-12)) - _deviations(features) / np.sqrt(rows - 3)
    return Strength(figure, float(np.tanh(max(least, 0.0)) ** 2))


def _deviations(features: int) -> float:
    return NormalDist().inv_cdf(1 - _CHANCE / max(features, 1))


def _auc_at_least(figure: float, few: int, deviations: float) -> float:
    """Return the least AUC from which a figure is no farther than so many standard errors.

    The standard error is that of Hanley and McNeil (1982) at the limit itself (Newcombe 2006, method 5), for a rarer
    class of `few` rows and many rows of the other.
    """
    low, high = 0.5, max(figure, 0.5)
    for _ in range(40):
        middle = (low + high) / 2
        spread = np.sqrt(max(2 * middle**2 / (1 + middle) - middle**2, 0.0) / few)
        low, high = (low, middle) if figure - middle <= deviations * spread else (middle, high)
    return high


def _explained(guess: np.ndarray, label: np.ndarray) -> float:
    return 0.0 if is_constant(guess) else float(np.corrcoef(guess, label)[0, 1] ** 2)


def strength(
    column: CheckedColumn,
    train: pd.Series,
    validate: pd.Series,
    *,
    is_number: bool,
    entity: np.ndarray,
    features: int = 1,
) -> Strength | None:
    """Return how well a feature alone predicts the label: for several classes, the one that it predicts best.

    Parameters
    ----------
    train, validate
        The labels of both periods.
    entity
        A number for the entity of each row of `validate`.
    features
        How many features are looked at.
    """
    if is_number:
        target, later = numbers(train), numbers(validate)
        assert target is not None
        assert later is not None
        return number_strength(column, target, later, entity, features)
    strengths = [class_strength(column, *pair, entity, features) for pair in _targets(train, validate)]
    return max((item for item in strengths if item is not None), default=None)


def _targets(train: pd.Series, validate: pd.Series) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    classes = [True] if pd.api.types.is_bool_dtype(train.dtype) else sorted(train.unique())
    for name in classes:
        yield (train == name).to_numpy(dtype=bool), (validate == name).to_numpy(dtype=bool)


def _encoded(column: CheckedColumn, target: np.ndarray) -> np.ndarray:
    """Return, for each later row, the mean of the target over the earlier rows of its level."""
    average, count = float(target.mean()), int(max(column.codes.max(), column.later_codes.max())) + 1
    sums = np.bincount(column.codes, weights=target, minlength=count)
    rows = np.bincount(column.codes, minlength=count)
    means = (sums + average * _SMOOTHING) / (rows + _SMOOTHING)
    return np.where(column.later_codes < 0, average, means[column.later_codes])


def _ranked(values: np.ndarray, later: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return later values in the direction that fits the earlier ones, nulls at the end to which their rows belong."""
    known = ~np.isnan(values)
    fitting = auc(target[known].astype(int), values[known])
    sign = -1.0 if fitting is not None and fitting < 0.5 else 1.0
    nulls = target[~known]
    end = np.inf if len(nulls) and nulls.mean() > target.mean() else -np.inf
    return np.where(np.isnan(later), end, sign * later)


def _line(values: np.ndarray, later: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return what a least-squares line predicts, and the mean of rows without a value for such rows."""
    known = ~np.isnan(values)
    x, y = values[known], target[known]
    without = float(target[~known].mean()) if (~known).any() else float(target.mean())
    if is_constant(x):
        return np.full(len(later), float(target.mean()))
    center, scale = center_and_scale(x)
    moved, moved_later = (x - center) / scale, (later - center) / scale
    slope = float(np.sum(moved * (y - y.mean()))) / float(np.sum(moved**2))
    return np.where(np.isnan(later), without, y.mean() + slope * moved_later)
