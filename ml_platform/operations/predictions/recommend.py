"""From what versions predict to what is recommended: control rows are held out, and the others share the capacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ml_platform.models.capacity import BEST_ACTION, Capacity, Take, alone
from ml_platform.models.control import CONTROL, PROPENSITY, is_control, propensity
from ml_platform.operations.predictions.capacity_use import rows_with_places
from ml_platform.operations.predictions.rows import Answers
from ml_platform.project import Project
from ml_platform.storage.online.opened import open_places


def recommended(project: Project, model_name: str, answers: Sequence[Answers]) -> list[Answers]:
    """Return predictions with the actions that are recommended, as the model declares.

    Rows of the control group get ``do_nothing`` of their version and take no place of a limited action. Where nothing
    is declared, the predictions are what they were.
    """
    value = project.spec.models[model_name].value
    capacity = Capacity.declared(value)
    if not answers or (capacity is None and value.control is None):
        return list(answers)
    entity = project.spec.file.entities[project.spec.models[model_name].population.entity]
    keys = pd.concat([item.rows[[*entity, "effective_time"]] for item in answers], ignore_index=True)
    predicted = pd.concat([item.predicted for item in answers], ignore_index=True)
    recommendations = predicted.assign(**{BEST_ACTION: predicted["action"]})
    share = value.control.share if value.control else None
    held = _held(model_name, keys[list(entity)], share)
    if capacity is not None:
        past = rows_with_places(project, model_name, keys["effective_time"], [item.decision for item in answers])
        competing = _competing(answers, capacity.action).mask(pd.Series(held), np.nan)
        recommendations = capacity.limited(predicted, competing, keys, past, _take(project, model_name))
    if share is not None:
        recommendations = _hold_out(recommendations, held, answers, share)
    return _by_version(recommendations, answers)


def _competing(answers: Sequence[Answers], limited: str) -> pd.DataFrame:
    """Return the expected payoff of each action of any version, in which an action that a version lacks is never best.

    Its payoff is not unknown: a row with an unknown payoff would keep its action without a place. A version without the
    limited action takes no place, so that its gain stays null.
    """
    names = list(dict.fromkeys(name for item in answers for name in item.expected.columns))
    parts = []
    for item in answers:
        lacking = [name for name in names if name not in item.expected and name != limited]
        parts.append(item.expected.assign(**dict.fromkeys(lacking, -np.inf)).reindex(columns=names))
    return pd.concat(parts, ignore_index=True)


def _take(project: Project, model_name: str) -> Take:
    """Return what takes places of a day: batch runs share them with the prediction service where the model has one."""
    if project.spec.models[model_name].deployment.online is None:
        return alone
    places = open_places(project.spec.file.storage.online, project.state, project.spec.file.name)
    return lambda day, choose: places.take(model_name, day, "batch", choose)


def _held(model_name: str, keys: pd.DataFrame, share: float | None) -> np.ndarray:
    """Return which rows are of the control group."""
    if share is None:
        return np.zeros(len(keys), dtype=bool)
    return np.array([is_control(model_name, key, share) for key in keys.itertuples(index=False)], dtype=bool)


def _hold_out(predicted: pd.DataFrame, held: np.ndarray, answers: Sequence[Answers], share: float) -> pd.DataFrame:
    """Return predictions of which those that are held out do nothing, as the version that made them declares it."""
    nothing, worth = _nothing(answers)
    chances = [propensity(share, control=control) for control in (True, False)]
    return predicted.assign(
        action=predicted["action"].mask(held, nothing),
        expected_value=predicted["expected_value"].where(~held, worth),
        **{
            CONTROL: held,
            PROPENSITY: np.where(held, *chances),
        },
    )


def _nothing(answers: Sequence[Answers]) -> tuple[pd.Series, pd.Series]:
    """Return what doing nothing is on each row, and what it is expected to earn; null for a version without actions."""
    declared = [item.decision.do_nothing for item in answers]
    names = [name if name in item.expected else None for name, item in zip(declared, answers, strict=True)]
    index = pd.RangeIndex(sum(len(item.rows) for item in answers))
    places = np.repeat(np.arange(len(answers)), [len(item.rows) for item in answers])
    worth = [
        np.full(len(item.rows), np.nan) if name is None else item.expected[name].to_numpy(dtype="float64")
        for name, item in zip(names, answers, strict=True)
    ]
    return pd.Series([names[place] for place in places], index, dtype=object), pd.Series(np.concatenate(worth), index)


def _by_version(recommendations: pd.DataFrame, answers: Sequence[Answers]) -> list[Answers]:
    ends = np.cumsum([len(item.rows) for item in answers])[:-1]
    added = [name for name in recommendations.columns if name not in answers[0].predicted.columns]
    parts = [recommendations.iloc[places] for places in np.split(np.arange(len(recommendations)), ends)]
    return [
        replace(item, predicted=part[[*item.predicted.columns, *added]].set_axis(item.rows.index))
        for item, part in zip(answers, parts, strict=True)
    ]
