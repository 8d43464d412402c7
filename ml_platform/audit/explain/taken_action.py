"""What is known of the action that was taken on a prediction, in sentences."""

from __future__ import annotations

import pandas as pd

from ml_platform.audit.explain.rescoring import output_value
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.predictor import Predictor

_RECORDED = "The log has the recommended action. The action that was taken is not recorded."
_USED = "The prediction itself is used; no action is recommended."


def taken_text(row: pd.Series, predictor: Predictor) -> str:
    """Return what is known of the action that was taken on a logged prediction."""
    if not predictor.decision.actions:
        return _USED
    best, action = output_value(row.get(BEST_ACTION)), output_value(row.get("action"))
    if best is None or best == action:
        return _RECORDED
    return f"{best} was expected to earn most, and all its places of the day went to rows that gain more. {_RECORDED}"
