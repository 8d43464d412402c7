"""What is known of the action that was taken on a prediction, in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from ml_platform.audit.explain.rescoring import output_value
from ml_platform.core.errors import PlatformError
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL
from ml_platform.models.predictor import Predictor
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.taken_actions import TAKEN, taken_node, with_taken
from ml_platform.project import Project

_USED = "The prediction itself is used; no action is recommended."


def with_reports(project: Project, logged: Logged, now: datetime) -> Logged:
    """Return predictions with the actions that were reported, where the model is declared and a source reports them."""
    if logged.model not in project.spec.models:
        return logged
    try:
        return replace(logged, rows=with_taken(project, logged.model, logged.rows, now))
    except PlatformError:  # an explanation without it is better than none, and verify names the damage
        return logged


def taken_text(project: Project, model: str, row: pd.Series, predictor: Predictor) -> str:
    """Return what is known of the action that was taken on a logged prediction, and why it was not the best one."""
    if not predictor.decision.actions:
        return _USED
    best, action = output_value(row.get(BEST_ACTION)), output_value(row.get("action"))
    parts = [_reported(project, model, row)]
    if output_value(row.get(CONTROL)) == 1.0:
        parts.insert(0, f"The row was held out at random, to measure the effect of acting; {best} was best.")
    elif best is not None and best != action:
        parts.insert(0, f"{best} was best, and all its places of the day went to rows that gain more.")
    return " ".join(parts)


def _reported(project: Project, model: str, row: pd.Series) -> str:
    node = taken_node(project, model) if model in project.spec.models else None
    if node is None:
        return "The log has the recommended action. The action that was taken is not recorded."
    taken = output_value(row.get(TAKEN))
    return f"{node} has no report of it." if taken is None else f"{taken}, as {node} reports."
