"""Settled predictions: logged predictions whose label horizon has passed, with the truth as it was known then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from ml_platform.evaluation.metrics import Figures, metrics_of
from ml_platform.labels import labels_of
from ml_platform.monitoring.realised import Realised, is_settled, realised_value
from ml_platform.prediction_log import read_predictions
from ml_platform.predictor import Predictor, load_predictor
from ml_platform.project import Project
from ml_platform.training.labels import class_indices, read_label
from ml_platform.versions import versions


@dataclass(frozen=True)
class Settled:
    """What the predictions of a stretch came to.

    Attributes
    ----------
    metrics
        Of the newest version that has settled predictions; empty where none has.
    metrics_version
        The number of that version.
    """

    realised: Realised
    metrics: Figures = field(default_factory=dict)
    metrics_version: int | None = None


def settled_predictions(project: Project, model_name: str, label_source_id: str, now: datetime) -> Settled:
    """Return what predictions earned in the newest window of settled batch runs, and how good they were.

    The window is as long as that of monitoring and ends where the label horizon begins; predictions since then wait.
    """
    spec = project.spec.models[model_name]
    horizon = spec.label.horizon
    rows = read_predictions(project, model_name, now - horizon - spec.monitoring.window, now)
    settled = is_settled(rows, horizon, now)
    label = _labels(project, model_name, label_source_id, rows, settled)
    predictors = _predictors(project, model_name, rows[settled])
    decisions = {number: predictor.decision for number, predictor in predictors.items()}
    realised = realised_value(rows, label, decisions, horizon, now)
    known = rows[settled & label.notna()]
    if known.empty:
        return Settled(realised)
    newest = int(known["version"].max())
    known = known[known["version"] == newest]
    return Settled(realised, _metrics(project, model_name, predictors[newest], known, label[known.index]), newest)


def _labels(
    project: Project, model_name: str, label_source_id: str, rows: pd.DataFrame, settled: pd.Series
) -> pd.Series:
    """Return the truth of settled rows as known at their horizon, null for all others."""
    label = pd.Series(None, index=rows.index, dtype=object)
    if settled.any():
        known = labels_of(project, model_name, label_source_id, rows[settled]).astype(object)
        negative = project.spec.models[model_name].label.missing == "negative"
        label[settled] = known.where(known.notna(), False if negative else None)
    return label


def _predictors(project: Project, model_name: str, rows: pd.DataFrame) -> Mapping[int, Predictor]:
    used = set(rows["version"].tolist())
    return {
        version.number: load_predictor(project, project.store.get("trained_model", version.id))
        for version in versions(project, model_name)
        if version.number in used
    }


def _metrics(project: Project, model_name: str, predictor: Predictor, rows: pd.DataFrame, label: pd.Series) -> Figures:
    spec = project.spec.models[model_name]
    truth = class_indices(read_label(label.infer_objects(), spec.task), predictor.classes)
    names = [f"score.{name}" for name in predictor.classes] if len(predictor.classes) > 2 else ["score"]
    scores = rows[names].to_numpy(dtype="float64")
    return metrics_of(spec.task, truth, scores[:, 0] if names == ["score"] else scores, spec.quantile)
