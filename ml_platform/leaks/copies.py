"""Features that are the label in other clothes: equal to it, in the same order, or one to one with it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.leaks.strength import numbers

Likeness = Literal["equal to", "in the order of", "one to one with"]
_LEAST_PAIRS, _LEAST_OTHERS = 40, 10
_CLOSE = 1e-9
_A_FEW = 500


def likeness(feature: pd.Series, truth: pd.Series) -> Likeness | None:
    """Return in which way a feature follows from a column of the label (or it from the feature); None if in none.

    Only rows with both values count. There must be forty, and in each column ten that differ from its most frequent
    value: by chance, ten rows of one kind among twenty stand at one end in 1 of 90,000 orders.
    """
    both = (feature.notna() & truth.notna()).to_numpy()
    left, right = feature[both].reset_index(drop=True), truth[both].reset_index(drop=True)
    if len(left) < _LEAST_PAIRS or min(_others(left), _others(right)) < _LEAST_OTHERS:
        return None
    x, y = numbers(left), numbers(right)
    if x is not None and y is not None:
        if np.all(np.abs(x - y) <= _CLOSE * np.maximum(1.0, np.abs(y))):
            return "equal to"
        if _same_order(x, y) or _same_order(-x, y):
            return "in the order of"
    elif x is None and y is None and bool((left == right).all()):
        return "equal to"
    return "one to one with" if _one_to_one(left, right) else None


def _others(values: pd.Series) -> int:
    """Return how many values differ from the most frequent one."""
    return len(values) - int(values.value_counts().iloc[0])


def _same_order(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether no two rows are ordered differently by both, and one of both is a function of the other."""
    for rows in (_A_FEW, len(x)):  # a few rows nearly always tell
        order = np.lexsort((x[:rows], y[:rows]))
        if np.any(np.diff(x[:rows][order]) < 0):
            return False
    pairs = len(np.unique(np.column_stack((x, y)), axis=0))
    return pairs in (len(np.unique(x)), len(np.unique(y)))


def _one_to_one(left: pd.Series, right: pd.Series) -> bool:
    """Return whether each value goes with one of the other; values that are hardly repeated tell nothing."""
    codes, others = pd.factorize(left)[0], pd.factorize(right)[0]
    kinds = codes.max() + 1
    if kinds != others.max() + 1 or len(codes) < 4 * kinds:
        return False
    return bool(len(np.unique(codes.astype("int64") * kinds + others)) == kinds)
