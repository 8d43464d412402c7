"""What is known of a row's label."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.core.clock import MICROSECOND
from ml_platform.project import Project

LABEL, LABEL_STATE = "label", "label_state"
CONTRADICTORY = "contradictory"
LABEL_STATES: Mapping[str, str] = {
    "known": "with a label",
    "missing": "without a row in the label's source",
    "null": "whose label is null",
    "late": "whose label became known after the label horizon",
    "incomplete": "whose label's source has no row yet that is known at the end of the label horizon",
    "before": "whose only label row is about an event before the question",
    CONTRADICTORY: "that rows of the label's source answer differently",
}
"""What is known of a row's label, in words."""
UNKNOWN_STATES = tuple(state for state in LABEL_STATES if state != "known")
NEGATIVE_STATES = ("missing", "before")
"""The states that are negatives with ``missing: negative``."""


def silence_of(project: Project, source: str) -> int:
    """Return for how long a source may have no row and still be complete, in microseconds: its declared freshness."""
    freshness = project.spec.sources[source].freshness
    return 0 if freshness is None else freshness // MICROSECOND
