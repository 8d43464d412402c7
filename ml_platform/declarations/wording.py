"""Rules of the declarations as people read them."""

from __future__ import annotations

from datetime import timedelta

from ml_platform.core.formatting import span_text
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
