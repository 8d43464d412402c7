"""The date of a simulated clock, where people look: Dagster's own times are those of the machine."""

from collections.abc import Mapping
from datetime import datetime

from ml_platform.core.clock import WallClock
from ml_platform.core.formatting import instant_text
from ml_platform.project import Project

SIMULATED_TAG = "simulated_date"
"""On runs, which the list of runs in the UI shows below the id."""


def simulated_date(project: Project, now: datetime) -> str | None:
    """Return an instant of a simulated clock to the minute; None for a project on the wall clock."""
    return None if isinstance(project.clock, WallClock) else instant_text(now)


def simulated_tags(project: Project, now: datetime) -> Mapping[str, str]:
    """Return the tag that shows the simulated day on a run; none on the wall clock. A longer one would be cut off."""
    return {} if isinstance(project.clock, WallClock) else {SIMULATED_TAG: f"{now:%Y-%m-%d}"}
