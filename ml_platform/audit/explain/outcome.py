"""The outcome of predictions: the label once it is settled, and what was earned, as realized value counts it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from ml_platform.core.plain_values import plain_value
from ml_platform.datasets.labels.labels import labels_of
from ml_platform.datasets.labels.states import LABEL, LABEL_STATE
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.predictor import Predictor
from ml_platform.operations.monitoring.label_versions import with_label_of
from ml_platform.operations.monitoring.realized_value import DONE, payoffs
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.taken_actions import TAKEN
from ml_platform.project import Project
from ml_platform.storage.outputs import current_output


@dataclass(frozen=True)
class PredictionOutcome:
    """The outcome of one prediction.

    Attributes
    ----------
    status
        ``settled``, ``waiting`` (the label horizon has not passed), ``no label`` (none came in it) or ``unknown``.
    label
        The truth as it was known when the horizon had passed.
    value, do_nothing
        What the action earned and what doing nothing would have, if the action did not change the label. The action is
        the recommended one, or `counted`.
    expected
        What the recommended action was expected to earn.
    counted
        Where a source reports actions: the one that was taken, ``do_nothing`` without a report.
    """

    status: str
    settled_at: datetime | None
    expression: str
    label: Any = None
    value: float | None = None
    do_nothing: float | None = None
    expected: float | None = None
    note: str = ""
    counted: str | None = None


_NO_LABEL = {
    "missing": "the horizon has passed without a label",
    "null": "the label is null",
    "late": "the label became known after the label horizon",
    "incomplete": "the label's source has no row yet that is known at the end of the label horizon",
    "before": "the only label row is of an event before the prediction time",
    "contradictory": "rows of the label's source answer differently",
}


def outcomes_of(
    then: Project, logged: Logged, predictors: Mapping[int, Predictor], now: datetime
) -> dict[str, PredictionOutcome]:
    """Return the outcome of predictions by their ids, each by the label that its version predicts.

    Parameters
    ----------
    then
        The project as it was declared when they were made.
    predictors
        By version number; a prediction is worth what its own version declared.

    Raises
    ------
    PlatformError
        Where the label's source cannot be read.
    """
    outcomes: dict[str, PredictionOutcome] = {}
    for number in logged.rows["version"].unique():
        rows = logged.rows[logged.rows["version"] == number]
        project = with_label_of(then, logged.model, int(number))
        outcomes |= _of_one_label(project, replace(logged, rows=rows), predictors, now)
    return outcomes


def _of_one_label(
    then: Project, logged: Logged, predictors: Mapping[int, Predictor], now: datetime
) -> dict[str, PredictionOutcome]:
    model, rows = then.spec.models[logged.model], _with_counted(logged, predictors)
    settled = rows["effective_time"] + model.label.horizon <= now
    source_id = current_output(then.database, NodeName("source", model.label.source))
    label = pd.Series(None, index=rows.index, dtype=object)
    states = pd.Series("missing", index=rows.index, dtype=object)
    if settled.any() and source_id is not None:
        labels = labels_of(then, logged.model, source_id, rows[settled], now)
        label[settled] = labels[LABEL].astype(object).where(labels[LABEL].notna(), None)
        states[settled] = labels[LABEL_STATE]
    earned = payoffs(rows[settled], label[settled], {number: item.decision for number, item in predictors.items()})
    ends = (rows["effective_time"] + model.label.horizon).tolist()
    together = zip(map(str, rows.index), ends, settled.tolist(), label.tolist(), states.tolist(), strict=True)
    text = model.label.formula
    outcomes = {
        id: _outcome(text, end, past, truth, state, earned, id, source_id) for id, end, past, truth, state in together
    }
    if DONE not in rows:
        return outcomes
    done, number = rows[DONE].to_dict(), rows["version"].to_dict()
    return {
        id: _counted(outcome, done[id], predictors[number[id]].decision.actions) for id, outcome in outcomes.items()
    }


def _counted(outcome: PredictionOutcome, action: str, declared: Collection[str]) -> PredictionOutcome:
    """Return an outcome with the action that is counted."""
    if outcome.status == "settled" and action not in declared:
        outcome = replace(outcome, note=f"{action}, which was reported, is no declared action")
    return replace(outcome, counted=action)


def _with_counted(logged: Logged, predictors: Mapping[int, Predictor]) -> pd.DataFrame:
    """Return predictions with the action that realized value counts, where a source reports which were taken."""
    if TAKEN not in logged.rows:
        return logged.rows
    taken = logged.rows[TAKEN]
    nothing = logged.rows["version"].map({number: item.decision.do_nothing for number, item in predictors.items()})
    return logged.rows.assign(**{DONE: taken.where(taken.notna(), nothing)})


def _outcome(
    expression: str,
    at: datetime,
    settled: bool,
    label: Any,
    state: str,
    earned: pd.DataFrame,
    id: str,
    source_id: str | None,
) -> PredictionOutcome:
    instant = pd.Timestamp(at).to_pydatetime()
    if not settled:
        return PredictionOutcome("waiting", instant, expression, note="the label horizon has not passed yet")
    if source_id is None:
        return PredictionOutcome("unknown", instant, expression, note="the label's source has not been ingested")
    if plain_value(label) is None:
        return PredictionOutcome("no label", instant, expression, note=_NO_LABEL[state])
    if id not in earned.index:
        return PredictionOutcome(
            "settled", instant, expression, plain_value(label), note="a column of the payoff is null"
        )
    row = earned.loc[id]
    value, nothing, expected = (plain_value(row[name]) for name in ("value", "do_nothing", "expected"))
    return PredictionOutcome("settled", instant, expression, plain_value(label), value, nothing, expected)
