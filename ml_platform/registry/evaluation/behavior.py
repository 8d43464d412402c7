"""How a version behaves on test rows: which labels its actions met, what that earned, what predictions depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_platform.core.hashing import cache_key
from ml_platform.core.statistics.moments import exact_total
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.dependence import Dependence, partial_dependence
from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.registry.evaluation.candidates import EvaluationRows
from ml_platform.storage.artifact_kinds.behavior import ActionOutcome, BehaviorManifest, InputDependence
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project

KIND = "behavior"
SAMPLE = 500
"""Rows that partial dependence is computed from, spread evenly over the test period."""
INPUTS = 6
_VERSION = "1"


def behavior_of(project: Project, model: str, trained_id: str, snapshot_id: str) -> Artifact:
    """Return the behavior of a trained model on the test rows of a snapshot, computed once and kept.

    Raises
    ------
    PlatformError
        Where the snapshot or the trained model cannot be read, or cannot predict these rows.
    """
    inputs = {"trained_model": trained_id, "snapshot": snapshot_id}
    unit = project.spec.unit_of_value(model)
    spec = project.spec.models[model]
    declared: dict[str, Any] = {
        "unit": unit,
        "actions": list((spec.value.actions or {}).items()),
        "do_nothing": spec.value.do_nothing,
    }
    declared |= {"capacity": spec.value.capacity} if spec.value.capacity else {}
    declared |= {"dependence": "by class"} if spec.task == "multiclass" else {}  # others keep their keys
    key = cache_key(KIND, declared, _VERSION, inputs)
    behavior = project.store.find(KIND, key)
    if behavior is not None:
        return behavior
    trained = project.store.get("trained_model", trained_id)
    frame = load_snapshot(project, snapshot_id, ("test",)).part("test")
    rows, predictor = EvaluationRows.read(project.spec, spec, frame), load_predictor(project, trained)
    outcomes, unvalued = action_outcomes(rows, predictor)
    sample = frame.iloc[:: max(len(frame) // SAMPLE, 1)].head(SAMPLE)
    manifest = BehaviorManifest(
        model=model,
        currency=unit,
        rows=len(frame) - unvalued,
        unvalued=unvalued,
        sample=len(sample),
        actions=outcomes,
        dependence=_dependence(predictor, sample, TrainedModelManifest.of(trained)),
    )
    return project.store.add(manifest, key, inputs=inputs)


def action_outcomes(rows: EvaluationRows, predictor: Predictor) -> tuple[tuple[ActionOutcome, ...], int]:
    """Return what each action met, by label, and how many rows have no payoff.

    Rows without a payoff for an action are left out. A regression has no actions.
    """
    decision = rows.decision
    if not decision.actions or not len(rows.frame):
        return (), 0
    taken = rows.predict(predictor)["action"].to_numpy(dtype=object)
    earned = {
        action: decision.value(rows.frame, rows.label, np.full(len(taken), action, dtype=object))
        for action in decision.actions
    }
    table = pd.DataFrame({"action": taken, "label": rows.label})
    table["value"] = decision.value(rows.frame, rows.label, taken)
    table["gain"] = table["value"] - earned[decision.do_nothing]
    table["missed"] = np.max(np.column_stack(list(earned.values())), axis=1) - table["value"]
    valued = table[["gain", "missed"]].notna().all(axis=1)
    outcomes = [
        _outcome(str(action), label, part)
        for (action, label), part in table[valued].groupby(["action", "label"], sort=True)
    ]
    return tuple(outcomes), int((~valued).sum())


def _outcome(action: str, label: object, rows: pd.DataFrame) -> ActionOutcome:
    gain, missed = (exact_total(rows[name].to_numpy(dtype="float64")) for name in ("gain", "missed"))
    plain: Any = label.item() if isinstance(label, np.generic) else label
    return ActionOutcome(action=action, label=plain, rows=len(rows), gain=gain, missed=missed)


def _dependence(predictor: Predictor, sample: pd.DataFrame, about: TrainedModelManifest) -> tuple[InputDependence, ...]:
    """Return the dependence on the most important inputs; a column that a transform adds is no input."""
    inputs = {column.name for column in predictor.inputs}
    names = [name for name, share in about.importances if name in inputs and share > 0][:INPUTS]
    return tuple(_input(item) for item in partial_dependence(predictor, sample, names))


def _input(item: Dependence) -> InputDependence:
    made = InputDependence(column=item.column, ordered=item.ordered, values=item.values, scores=item.scores)
    return made.but(by_class=dict(item.by_class)) if item.by_class else made
