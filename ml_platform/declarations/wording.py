"""Rules and features of the declarations as people read them."""

from __future__ import annotations

from datetime import timedelta

from ml_platform.core.formatting import span_text
from ml_platform.declarations.feature_table import Feature
from ml_platform.declarations.source import SourceSpec


def known_sentence(spec: SourceSpec) -> str:
    """Return when a source's rows are known, in a sentence."""
    column, delay = spec.known_at.column, spec.known_at.delay
    if delay is None:
        return f"Each row is known from {column} on."
    if not delay:
        return f"Each row is known at {spec.event_timestamp}."
    side = "after" if delay > timedelta(0) else "before"
    return f"Each row is known {span_text(abs(delay))} {side} {spec.event_timestamp}."


def formula(feature: Feature) -> str:
    """Return what a feature is, such as ``mean of arr_delay``.

    >>> formula(Feature(as_of="grade")), formula(Feature(derived="mean_1d - mean_7d"))
    ('newest known grade', 'mean_1d - mean_7d')
    """
    if feature.aggregate == "derived":
        return str(feature.derived)
    if feature.aggregate == "as_of":
        return f"newest known {feature.as_of}"
    words = feature.aggregate.replace("_", " ")
    return words if feature.expression is None else f"{words} of {feature.expression}"


def unit_of(feature: Feature) -> str:
    """Return the unit of a feature's values; time since the last row is in seconds."""
    return feature.unit or ("s" if feature.aggregate == "time_since_last" else "")
