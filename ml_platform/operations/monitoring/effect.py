"""What acting changed: rows on which the model may act against rows that were held out at random.

Both groups are compared where the model wants to act, by the action with the highest expected payoff: on all other
rows both do the same. The effect a row is the difference of the weighted means of what both earned, each row weighted
by the inverse of the probability of its group (Hajek 1971). Its interval is over who was held out
(`ml_platform.operations.monitoring.effect_interval`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_platform.declarations.model import ModelSpec
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL, PROPENSITY
from ml_platform.models.decision import Decision
from ml_platform.operations.monitoring.effect_interval import effect_interval
from ml_platform.operations.monitoring.realized_value import is_counted, payoffs
from ml_platform.registry.evaluation.intervals import Interval
from ml_platform.storage.artifact_kinds.figures import MeasuredEffect

LEAST_ROWS = 20
"""How many rows a group needs."""


@dataclass(frozen=True)
class Effect:
    """What acting changed, in all, on the rows on which the model could act.

    Attributes
    ----------
    interval
        Of the sum over the rows that were acted on; None where a group has too few rows, with the reason in `declined`.
    acted, held_out
        Rows on which the model wanted to act, and rows of them that were held out.
    """

    interval: Interval | None
    acted: int
    held_out: int
    declined: str | None = None

    def as_held(self) -> MeasuredEffect:
        """Return the effect as an artifact holds it."""
        if self.interval is None:
            return MeasuredEffect(acted=self.acted, held_out=self.held_out, figure=None, declined=self.declined)
        figure, interval = self.interval.figure, dict(self.interval.as_held())
        return MeasuredEffect(acted=self.acted, held_out=self.held_out, figure=figure, **interval)


def earned_decisions(model: ModelSpec, decisions: Mapping[int, Decision]) -> dict[int, Decision]:
    """Return what the actions of each version really earned, over the label that came about.

    A version is left out as a whole, with its control rows, where the declaration lacks what one of its
    actions earned: where it has an action that is declared no more, another ``do_nothing``, or no logged column that
    the amounts read. So is one whose held-out rows earn the same for every label, where no amounts are declared. If
    only some of its rows were left out, the groups would no longer be of the same days.
    """
    earned = model.value.control.earned if model.value.control else None
    if earned is None:
        return {number: decision for number, decision in decisions.items() if decision.nothing_reads_label}
    return {
        number: replace(decision, actions=dict(earned))
        for number, decision in decisions.items()
        if decision.do_nothing == model.value.do_nothing
        and set(decision.actions) <= set(earned)
        and set(replace(decision, actions=dict(earned)).columns) <= set(decision.columns)
    }


def measured_effect(
    predictions: pd.DataFrame,
    label: pd.Series,
    decisions: Mapping[int, Decision],
    horizon: timedelta,
    now: datetime,
    entity: Sequence[str],
) -> Effect | None:
    """Return what acting changed on settled predictions; None where no row belongs to one of both groups.

    Parameters
    ----------
    predictions
        With `CONTROL`, `PROPENSITY` and `BEST_ACTION` where the model has a control group.
    decisions
        What the actions of each version really earned (`earned_decisions`); other versions take no part.
    entity
        The columns of the entity's key.
    """
    if CONTROL not in predictions:
        return None
    compared = predictions["version"].isin(list(decisions)) & predictions[CONTROL].notna()
    counted = is_counted(predictions, horizon, now) & compared & _acts(predictions, decisions)
    earned = payoffs(predictions[counted], label[counted], decisions)
    rows = predictions.loc[earned.index]
    if rows.empty:
        return None
    held = rows[CONTROL].astype(bool).to_numpy()
    acted, held_out = int((~held).sum()), int(held.sum())
    if min(acted, held_out) < LEAST_ROWS:
        reason = (
            f"the groups are too small: {acted:,} acted on and {held_out:,} held out, {LEAST_ROWS} of each are needed"
        )
        return Effect(None, acted, held_out, reason)
    weight = 1 / rows[PROPENSITY].to_numpy(dtype="float64")
    value, days = earned["value"].to_numpy(dtype="float64"), earned["day"].nunique()
    owner = np.asarray(rows.groupby(list(entity), sort=False, dropna=False).ngroup())
    interval = effect_interval(value, held, weight, owner, days)
    return Effect(interval.times(acted), acted, held_out)


def _acts(predictions: pd.DataFrame, decisions: Mapping[int, Decision]) -> pd.Series:
    """Return on which rows the model wants another action than doing nothing."""
    nothing = predictions["version"].map({number: decision.do_nothing for number, decision in decisions.items()})
    best = predictions[BEST_ACTION]
    return best.notna() & (best != nothing)
