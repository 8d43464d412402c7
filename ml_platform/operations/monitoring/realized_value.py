"""Realized value: what logged predictions earned once their labels were settled.

The payoff is that of the action that was taken where a source reports it, else of the recommended action, against the
label that came about. What doing nothing would have earned is counted against the same label: that is an assumed
effect, and only a control group measures it (`ml_platform.operations.monitoring.effect`).

One action counts for each question. A question is a row of the population: where it was answered again before the label
of the first answer was settled (its prediction time was moved), the last answer counts. Predictions scored late
are summed apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.statistics.moments import exact_total
from ml_platform.models.decision import Decision
from ml_platform.operations.predictions.taken_actions import TAKEN
from ml_platform.storage.artifact_kinds.monitoring import RealizedDay

DONE = "done"
"""The column of the action that counts as taken: a prediction without a report counts as ``do_nothing``."""
EXPECTED_NOTHING = "expected_nothing"
"""The column of what doing nothing was expected to earn, where that depends on the label."""


@dataclass(frozen=True)
class Realized:
    """Value of the settled predictions of a stretch, in the project's currency.

    Settled predictions are superseded, late, without a label, without a payoff, or they are the rows of the sums.

    Attributes
    ----------
    settled
        Predictions whose label horizon has passed.
    waiting
        Predictions whose label horizon has not.
    superseded
        Settled predictions whose question was answered again before their label was settled.
    late
        Settled predictions for rows that became known only after their batch run.
    late_gain
        What those earned beyond doing nothing.
    without_label
        Settled predictions whose label is missing or not certain.
    without_payoff
        Settled predictions with a label for which a column that the payoff reads is null.
    rows
        Settled predictions with a label and a payoff: those that the sums are over.
    value
        What they earned.
    expected
        What was expected of them when they were made; None where predictions carry no expectation.
    do_nothing
        What the same rows would have earned without a model.
    days
        The same by the UTC day of the batch run.
    followed, reported
        On how many of the rows the recommended action was taken, and how many have a report of what was taken; None
        where the model declares no source of reports.
    undeclared
        Settled predictions with a label whose reported action is none that their version declares; None where all are.
    expected_nothing
        What doing nothing was expected to earn on the rows of `expected`; None where that is `do_nothing` on all rows.
    """

    settled: int
    waiting: int
    superseded: int
    late: int
    late_gain: float
    without_label: int
    without_payoff: int
    rows: int
    value: float
    expected: float | None
    do_nothing: float
    days: tuple[RealizedDay, ...]
    followed: int | None = None
    reported: int | None = None
    undeclared: int | None = None
    expected_nothing: float | None = None

    @property
    def uplift(self) -> float:
        """What the predictions earned beyond doing nothing."""
        return self.value - self.do_nothing


def is_settled(predictions: pd.DataFrame, horizon: timedelta, now: datetime) -> pd.Series:
    """Return which predictions have a label horizon that has passed, counted from their batch run."""
    return predictions["effective_time"] + horizon <= now


def is_superseded(predictions: pd.DataFrame, horizon: timedelta) -> pd.Series:
    """Return which predictions were replaced by a later answer to the same question.

    An answer is replaced where the next one of its ``question`` came before the label horizon of the first had passed.
    """
    order = ["question", "effective_time", "scored_at", "prediction_id"]
    ordered = predictions.sort_values(order)[["question", "effective_time"]]
    following = ordered.groupby("question", sort=False)["effective_time"].shift(-1)
    return (following < ordered["effective_time"] + horizon).reindex(predictions.index)


def is_counted(predictions: pd.DataFrame, horizon: timedelta, now: datetime) -> pd.Series:
    """Return which predictions count in the sums: settled, the last answer to their question, and not scored late."""
    settled = is_settled(predictions, horizon, now)
    return settled & ~is_superseded(predictions, horizon) & ~predictions["late"].astype(bool)


def payoffs(predictions: pd.DataFrame, label: pd.Series, decisions: Mapping[int, Decision]) -> pd.DataFrame:
    """Return what each labelled prediction earned beside what was expected and what doing nothing would have earned.

    Parameters
    ----------
    predictions
        Logged predictions, with the columns that the payoffs read, and `DONE` where actions are reported.
    label
        The truth of each row, under the same index; rows without one are left out.
    decisions
        The decision of each version: a prediction is worth what its own version declared.

    Returns
    -------
    ``day``, ``value``, ``expected``, ``do_nothing`` and `EXPECTED_NOTHING` for each row with a label and a payoff.
    """
    known = predictions[label.notna()]
    parts = [
        _earned(known[known["version"] == number], label, decision)
        for number, decision in decisions.items()
        if (known["version"] == number).any()
    ]
    if not parts:
        return pd.DataFrame({"day": [], "value": [], "expected": [], "do_nothing": [], EXPECTED_NOTHING: []})
    return pd.concat(parts).sort_index()


def realized_value(
    predictions: pd.DataFrame, label: pd.Series, decisions: Mapping[int, Decision], horizon: timedelta, now: datetime
) -> Realized:
    """Return what a stretch of predictions earned, as far as their labels are settled.

    Parameters
    ----------
    label
        The truth as known at each row's horizon, null where there is none yet or never was.
    """
    settled = is_settled(predictions, horizon, now)
    superseded = settled & is_superseded(predictions, horizon)
    late = settled & ~superseded & predictions["late"].astype(bool)
    counted = is_counted(predictions, horizon, now)
    earned = payoffs(predictions[counted], label[counted], decisions)
    earned_late = payoffs(predictions[late], label[late], decisions)
    labelled = int(label[counted].notna().sum())
    undeclared = _undeclared(predictions[counted & label.notna()], decisions)
    return Realized(
        settled=int(settled.sum()),
        waiting=int((~settled).sum()),
        superseded=int(superseded.sum()),
        late=int(late.sum()),
        late_gain=_total(earned_late["value"] - earned_late["do_nothing"]),
        without_label=int(counted.sum()) - labelled,
        without_payoff=labelled - len(earned) - undeclared,
        rows=len(earned),
        value=_total(earned["value"]),
        expected=_expectation(earned["expected"]),
        do_nothing=_total(earned["do_nothing"]),
        days=tuple(_day(str(day), rows) for day, rows in earned.groupby("day", sort=True)),
        **_followed(predictions.loc[earned.index]),
        undeclared=undeclared or None,
        expected_nothing=_expected_nothing(earned),
    )


def _undeclared(rows: pd.DataFrame, decisions: Mapping[int, Decision]) -> int:
    """Return of how many predictions the action that counts as taken is none of the declared ones."""
    if DONE not in rows:
        return 0
    known = {number: set(decision.actions) for number, decision in decisions.items()}
    done = zip(rows["version"], rows[DONE], strict=True)
    return sum(action not in known[number] for number, action in done if number in known)


def _followed(rows: pd.DataFrame) -> dict[str, int]:
    if DONE not in rows:
        return {}
    return {"followed": int((rows[DONE] == rows["action"]).sum()), "reported": int(rows[TAKEN].notna().sum())}


def _earned(rows: pd.DataFrame, label: pd.Series, decision: Decision) -> pd.DataFrame:
    truth = label[rows.index].infer_objects()  # with the nulls gone, objects are numbers or booleans again
    taken = rows.get(DONE, rows["action"] if decision.actions else rows["score"])
    earned = pd.DataFrame(
        {
            "day": rows["effective_time"].dt.strftime("%Y-%m-%d"),
            "value": decision.value(rows, truth, taken),
            "expected": rows["expected_value"].astype("float64"),
            "do_nothing": decision.value(rows, truth, decision.nothing(rows)),
        },
        index=rows.index,
    )
    nothing = rows.get(EXPECTED_NOTHING, pd.Series(np.nan, rows.index)).fillna(earned["do_nothing"])
    earned[EXPECTED_NOTHING] = nothing.where(earned["expected"].notna())
    return earned[earned["value"].notna() & earned["do_nothing"].notna()]


def _day(day: str, rows: pd.DataFrame) -> RealizedDay:
    made = RealizedDay(
        day=day,
        rows=len(rows),
        value=_total(rows["value"]),
        expected=_expectation(rows["expected"]),
        do_nothing=_total(rows["do_nothing"]),
    )
    nothing = _expected_nothing(rows)
    return made if nothing is None else made.but(expected_nothing=nothing)


def _expected_nothing(rows: pd.DataFrame) -> float | None:
    """Return what doing nothing was expected to earn on the rows of which something is; None where it earned just that.

    A row whose payoffs were not all known has no expectation, and what doing nothing earned on it takes no part.
    """
    expectation = _expectation(rows[EXPECTED_NOTHING])
    is_same = rows[EXPECTED_NOTHING].eq(rows["do_nothing"]).all()
    return None if is_same else expectation


def _total(values: pd.Series) -> float:
    return exact_total(values.to_numpy(dtype="float64"))


def _expectation(values: pd.Series) -> float | None:
    known: Any = values.notna()
    return _total(values[known]) if known.any() else None
