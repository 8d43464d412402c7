"""How far the predictions of two predictors lie apart on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml_platform.models.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Agreement:
    """Predictions of two predictors side by side.

    Attributes
    ----------
    largest
        The largest absolute difference of a score.
    actions
        Rows for which another action is recommended.
    """

    rows: int
    largest: float
    actions: int

    def within(self, tolerance: float) -> bool:
        """Return whether no score differs by more than `tolerance`, and no recommended action at all."""
        return self.largest <= tolerance and self.actions == 0


def agreement(one: Predictor, other: Predictor, rows: pd.DataFrame) -> Agreement:
    """Predict rows with both and compare.

    Parameters
    ----------
    rows
        One row per prediction, with the columns that both predictors need.
    """
    first, second = one.predict(rows), other.predict(rows)
    scores = [name for name in first.columns if name == "score" or name.startswith("score.")]
    apart = [np.abs(first[name].to_numpy(float) - second[name].to_numpy(float)).max(initial=0.0) for name in scores]
    advised, advised_now = (outputs["action"].astype(object).fillna("") for outputs in (first, second))
    return Agreement(len(rows), float(max(apart, default=0.0)), int((advised != advised_now).sum()))
