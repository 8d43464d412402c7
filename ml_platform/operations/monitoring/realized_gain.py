"""The interval of realized gain: what settled predictions earned over doing nothing, and what luck may have added.

The same procedure as in evaluation (`ml_platform.registry.evaluation.intervals`), by day of the batch run and by
entity. Batch runs before the window are its history: no model was fitted on a row before it was predicted, and it is
the same difference. From 60 days on it shows how strongly days are correlated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_platform.models.decision import Decision
from ml_platform.operations.monitoring.realized_value import is_counted, payoffs
from ml_platform.registry.evaluation.intervals import Earnings, Interval, earnings

_MODEL, _NOTHING = "model", "do_nothing"


def realized_gain(
    predictions: pd.DataFrame,
    label: pd.Series,
    decisions: Mapping[int, Decision],
    horizon: timedelta,
    now: datetime,
    start: datetime | None,
    entity: Sequence[str],
    fixed: bool,
) -> Interval | None:
    """Return the gain over doing nothing of settled predictions, as a sum; None where none has a payoff.

    Parameters
    ----------
    start
        The batch runs after this are summed, and those before are their history; None: all are summed.
    entity
        The columns of the entity's key.
    fixed
        Whether these entities are all that there will ever be.
    """
    counted = is_counted(predictions, horizon, now)
    earned = payoffs(predictions[counted], label[counted], decisions)
    rows = predictions.loc[earned.index]
    inside = np.ones(len(rows), dtype=bool) if start is None else np.asarray(rows["effective_time"] > start)
    if not inside.any():
        return None
    owner = np.asarray(rows[inside].groupby(list(entity), sort=False, dropna=False).ngroup())
    interval = earnings(
        _values(earned[inside]),
        earned["day"][inside].to_numpy(),
        owner,
        _history(earned[~inside]),
        fixed=fixed,
        horizon=horizon,
    )
    return interval.difference(_MODEL, _NOTHING).times(interval.rows)


def _history(earned: pd.DataFrame) -> Earnings | None:
    return earnings(_values(earned), earned["day"].to_numpy()) if len(earned) else None


def _values(earned: pd.DataFrame) -> dict[str, np.ndarray]:
    return {
        _MODEL: earned["value"].to_numpy(dtype="float64"),
        _NOTHING: earned["do_nothing"].to_numpy(dtype="float64"),
    }
