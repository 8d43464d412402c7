"""The job that moves a simulated clock."""

import dagster as dg

from ml_platform.core.clock import parse_duration
from ml_platform.core.errors import ClockError
from ml_platform.core.hashing import format_instant
from ml_platform.core.secrets import scrubbed
from ml_platform.storage.simulated_clock import SimulatedClock
from ml_platform_dagster.assets.partitions import open_days
from ml_platform_dagster.resources.project import ProjectParam

ADVANCE_CLOCK = "advance_clock"


class AdvanceClockConfig(dg.Config):
    """How far to move the clock."""

    by: str = "1d"


@dg.op(description="Move the project's simulated clock forward.")
@scrubbed
def advance(context: dg.OpExecutionContext, config: AdvanceClockConfig, project: ProjectParam) -> None:
    """Move the clock by a span such as ``1d``; what the new time lets be known follows at the next refresh."""
    if not isinstance(project.clock, SimulatedClock):
        raise ClockError("the project uses the wall clock, which cannot be moved")
    now = project.clock.advance(parse_duration(config.by))
    open_days(context.instance, project, now)
    context.log.info(f"The clock is now {format_instant(now)}.")


@dg.job(
    name=ADVANCE_CLOCK,
    executor_def=dg.in_process_executor,
    description="Moves the project's simulated clock forward, by a day by default.",
)
def advance_clock() -> None:
    """Move the clock."""
    advance()
