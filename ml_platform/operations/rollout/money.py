"""What a candidate earned beside the champion, on the rows that both predicted, as far as labels are settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.statistics.betting import MeanNow, mean_so_far
from ml_platform.datasets.labels.labels import labels_of
from ml_platform.datasets.labels.states import LABEL
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL
from ml_platform.models.decision import Decision
from ml_platform.models.predictor import Predictor, load_decision, load_deployed
from ml_platform.operations.predictions.compact_online import SHADOW
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.rollout import Rollout
from ml_platform.storage.prediction_log import read_predictions

Verdict = Literal["better", "worse", "inconclusive"]
_TAKEN = ("version", "score", "action")


@dataclass(frozen=True)
class Money:
    """What both versions earned, compared.

    Attributes
    ----------
    pairs
        Rows that both versions predicted.
    differ
        Those on which they recommend different things, one of an entity within a label horizon.
    waiting
        Those of them whose label is not settled yet.
    gain
        The mean of what the candidate earned more on a row that differs, with its confidence sequence. `values` counts
        the rows with a settled label.
    """

    pairs: int
    differ: int
    waiting: int
    gain: MeanNow

    @property
    def verdict(self) -> Verdict:
        """What is beyond doubt."""
        if self.gain.above == self.gain.below:
            return "inconclusive"
        return "better" if self.gain.above else "worse"


NOTHING = Money(0, 0, 0, MeanNow(0, 0.0, 0.0, 0.0, above=False, below=False))


def money_so_far(project: Project, rollout: Rollout, label_source: str | None, now: datetime) -> Money:
    """Return what a candidate earned beside the champion since its rollout began.

    Parameters
    ----------
    label_source
        The artifact of the label's source; None where nothing was ingested yet.
    """
    spec, decided = project.spec.models[rollout.version.model], _predictor(project, rollout)
    entity = project.spec.file.entities[spec.population.entity]
    before = champion(project, spec.name)
    decision = decided.decision
    if before is not None:
        decision = with_removed(decision, load_decision(project, project.store.get("trained_model", before.id)))
    read = sorted({*decision.columns, *spec.label.references})
    columns = [
        *_TAKEN,
        CONTROL,
        BEST_ACTION,
        *(f"{SHADOW}{name}" for name in _TAKEN),
        "prediction_time",
        "question",
        *entity,
        *read,
    ]
    rows = read_predictions(project, spec.name, rollout.begun.clock - MICROSECOND, now, list(dict.fromkeys(columns)))
    if f"{SHADOW}version" not in rows:
        return NOTHING
    if CONTROL in rows:  # both versions do nothing on them
        rows = rows[~rows[CONTROL].fillna(False).astype(bool)]
    if BEST_ACTION in rows:  # the other version knows of no limit
        rows = rows.assign(action=rows[BEST_ACTION].fillna(rows["action"]))
    pairs = paired(rows, rollout.version.number, by_action=bool(decision.actions))
    differ = one_within(pairs[pairs["candidate"] != pairs["champion"]], entity, spec.label.horizon)
    settled = differ[differ["effective_time"] + spec.label.horizon <= now]
    if settled.empty or label_source is None:
        return Money(len(pairs), len(differ), len(differ) - len(settled), NOTHING.gain)
    label = labels_of(project, spec.name, label_source, settled, now)[LABEL]
    confidence = rollout.stage.confidence
    gain = gain_of(settled[label.notna()], label[label.notna()], decision, decided.classes, confidence)
    return Money(len(pairs), len(differ), len(differ) - len(settled), gain)


def with_removed(candidate: Decision, champion: Decision) -> Decision:
    """Return the candidate's payoffs, with those of actions that only the champion has.

    A row on which the champion recommends such an action would else have no value, and be left out of the comparison.
    """
    if candidate.source != champion.source or not candidate.actions:
        return candidate
    return replace(candidate, actions={**champion.actions, **candidate.actions})


def _predictor(project: Project, rollout: Rollout) -> Predictor:
    return load_deployed(project, project.store.get("trained_model", rollout.version.id))


def paired(rows: pd.DataFrame, candidate: int, *, by_action: bool) -> pd.DataFrame:
    """Return the rows that both versions predicted, with what each recommends in ``candidate`` and ``champion``."""
    answered, beside = rows["version"] == candidate, rows[f"{SHADOW}version"] == candidate
    compared = rows[(answered | beside) & rows[f"{SHADOW}version"].notna()]
    taken = "action" if by_action else "score"
    taken_action, other = compared[taken], compared[f"{SHADOW}{taken}"]
    is_candidate = answered[compared.index]
    return compared.assign(
        candidate=taken_action.where(is_candidate, other), champion=other.where(is_candidate, taken_action)
    )


def one_within(rows: pd.DataFrame, entity: Sequence[str], horizon: timedelta) -> pd.DataFrame:
    """Return rows in the order of their times: of an entity none within a horizon of the one before."""
    ordered = rows.sort_values(["effective_time", "prediction_id"])
    owners = ordered.groupby(list(entity), sort=False, dropna=False).ngroup()
    free: dict[int, Any] = {}
    kept = []
    for owner, time in zip(owners, ordered["effective_time"], strict=True):
        kept.append(owner not in free or time >= free[owner])
        if kept[-1]:
            free[owner] = time + horizon
    return ordered[np.array(kept, dtype=bool)]


def gain_of(
    rows: pd.DataFrame, label: pd.Series, decision: Decision, classes: Sequence[Any], confidence: float
) -> MeanNow:
    """Return what is known of the mean of what the candidate earns more, by the settled labels of rows."""
    truth = label.infer_objects()
    gains = _difference(rows, truth, decision)
    known = ~np.isnan(gains)
    gains = gains[known]
    if not len(gains):
        return NOTHING.gain
    if classes:
        possible = np.array([_difference(rows[known], _repeated(item, len(gains)), decision) for item in classes])
        low, high = float(np.nanmin(possible)), float(np.nanmax(possible))
    else:
        high = 2 * float(np.abs(gains).max())
        low = -high
    return mean_so_far(gains, min(low, 0.0), max(high, 0.0), confidence)


def _difference(rows: pd.DataFrame, label: Any, decision: Decision) -> np.ndarray:
    candidate, champion = (decision.value(rows, label, rows[name]) for name in ("candidate", "champion"))
    difference: np.ndarray = candidate - champion
    return difference


def _repeated(label: Any, rows: int) -> np.ndarray:
    return np.full(rows, label, dtype=object if isinstance(label, str) else None)
