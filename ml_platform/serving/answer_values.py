"""Values of an answer as JSON has them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from ml_platform.core.hashing import format_instant
from ml_platform.models.predictor import Predictor


def score_names(predictor: Predictor) -> tuple[str, ...]:
    """Return the names of a predictor's scores: ``score``, or ``score.CLASS`` for each of several classes."""
    several = len(predictor.classes) > 2
    return tuple(f"score.{label}" for label in predictor.classes) if several else ("score",)


def finite_or_null(value: float | None) -> float | None:
    """Return a number, and None where it is not finite."""
    return None if value is None or not math.isfinite(value) else value


def plain_json(value: Any) -> Any:
    """Return a value of a column: instants as text, and None for numbers that are not finite."""
    if isinstance(value, datetime):
        return format_instant(value)
    return finite_or_null(value) if isinstance(value, float) else value
