"""Features that are a copy or a transform of the label: equal to it, in the same order, or one to one with it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.datasets.leakage.single_feature import numbers

Likeness = Literal["equal to", "in the order of", "one to one with"]
_LEAST_PAIRS, _LEAST_OTHERS = 40, 10
_CLOSE = 1e-9
_A_FEW = 500


def likeness(feature: pd.Series, truth: pd.Series) -> Likeness | None:
    """Return in which way a feature follows from a column of the label (or it from the feature); None if in none.

    Only rows with both values count. There must be forty, and in each column ten that differ from its most frequent
    value: by chance, ten rows of one kind among twenty are all at one end in 1 of 90,000 orders.
    """
    both = np.flatnonzero((feature.notna() & truth.notna()).to_numpy())
    few = both[:_A_FEW]
    if len(both) < _LEAST_PAIRS or _are_unlike(feature.iloc[few], truth.iloc[few]):
        return None
    left, right = feature.iloc[both].reset_index(drop=True), truth.iloc[both].reset_index(drop=True)
    if min(_others(left), _others(right)) < _LEAST_OTHERS:
        return None
    x, y = numbers(left), numbers(right)
    if x is not None and y is not None:
        if _are_close(x, y):
            return "equal to"
        if _same_order(x, y) or _same_order(-x, y):
            return "in the order of"
    elif x is None and y is None and bool((left == right).all()):
        return "equal to"
    return "one to one with" if _one_to_one(left, right) else None


def _are_unlike(left: pd.Series, right: pd.Series) -> bool:
    """Return whether these rows alone rule out every likeness: a few nearly always do."""
    x, y = numbers(left), numbers(right)
    if x is not None and y is not None:
        if _are_close(x, y) or _rises_with(x, y) or _rises_with(-x, y):
            return False
    elif x is None and y is None and bool((left.to_numpy() == right.to_numpy()).all()):
        return False
    codes, others, pairs = _kinds(left, right)
    return pairs > min(codes, others)


def _others(values: pd.Series) -> int:
    """Return how many values differ from the most frequent one."""
    return len(values) - int(values.value_counts().iloc[0])


def _same_order(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether no two rows are ordered differently by both, and one of both is a function of the other."""
    if not _rises_with(x, y):
        return False
    pairs = len(np.unique(np.column_stack((x, y)), axis=0))
    return pairs in (len(np.unique(x)), len(np.unique(y)))


def _rises_with(x: np.ndarray, y: np.ndarray) -> bool:
    order = np.lexsort((x, y))
    return not np.any(np.diff(x[order]) < 0)


def _are_close(x: np.ndarray, y: np.ndarray) -> bool:
    return bool(np.all(np.abs(x - y) <= _CLOSE * np.maximum(1.0, np.abs(y))))


def _one_to_one(left: pd.Series, right: pd.Series) -> bool:
    """Return whether each value goes with one of the other; values that are hardly repeated show nothing."""
    kinds, others, pairs = _kinds(left, right)
    return kinds == others == pairs and len(left) >= 4 * kinds


def _kinds(left: pd.Series, right: pd.Series) -> tuple[int, int, int]:
    """Return how many values there are in each of two columns, and how many pairs of them."""
    codes, others = pd.factorize(left)[0].astype("int64"), pd.factorize(right)[0]
    kinds = int(codes.max()) + 1
    return kinds, int(others.max()) + 1, len(np.unique(codes + others * kinds))
