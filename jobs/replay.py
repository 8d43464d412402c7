"""Declared times by a simulated clock: a sensor for each job, whose cursor is the simulated date.

A schedule of Dagster knows the wall clock only. It would be shown as "every minute", and the reason why a tick
requested nothing would be hidden. A sensor shows its cursor in each tick.
"""

from collections.abc import Mapping
from datetime import datetime

import dagster as dg

from ml_platform.core.clock import Schedule
from ml_platform.core.formatting import instant_text
from ml_platform.core.secrets import scrubbed
from ml_platform.operations.scheduling import due_tick
from ml_platform.project import Project
from ml_platform_dagster.jobs.declared_times import TICK_TAG, DeclaredTimes, declared_times, request_run
from ml_platform_dagster.resources.dagster_private import AssetJob
from ml_platform_dagster.resources.project import ProjectParam

_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {str(number): name for number, name in enumerate(_NAMES)}


def build_replays(project: Project, jobs: Mapping[str, AssetJob]) -> list[dg.SensorDefinition]:
    """Return a sensor for each job that runs at declared times; none on the wall clock."""
    clock = project.spec.file.clock
    if clock == "wall":
        return []
    since = clock.simulated_from
    return [_replay(times, since) for times in declared_times(project, jobs)]


def replay_name(times: DeclaredTimes) -> str:
    """Return the name of a sensor: the list of automations in the UI shows nothing else of its times."""
    return "_".join(filter(None, ["replay", times.job.name, rhythm(times.schedule)]))


def rhythm(schedule: Schedule) -> str:
    """Return the times of a schedule as part of a name, in its zone; nothing where they have no short name.

    >>> [rhythm(Schedule(f"{cron} UTC")) for cron in ("5 * * * *", "0 6 * * *", "30 3 * * 1", "*/5 * * * *")]
    ['hourly_at_05', 'daily_at_0600', 'mondays_at_0330', 'every_5_minutes']
    """
    minute, hour, day, month, weekday = schedule.cron.split()
    if (day, month) != ("*", "*"):
        return ""
    if minute.startswith("*/") and (hour, weekday) == ("*", "*"):
        return f"every_{minute[2:]}_minutes"
    if not minute.isdecimal():
        return ""
    if (hour, weekday) == ("*", "*"):
        return f"hourly_at_{int(minute):02}"
    clock = f"at_{int(hour):02}{int(minute):02}" if hour.isdecimal() else ""
    if not clock or not (weekday == "*" or weekday in _DAYS):
        return ""
    return f"daily_{clock}" if weekday == "*" else f"{_DAYS[weekday]}s_{clock}"


def _replay(times: DeclaredTimes, since: datetime) -> dg.SensorDefinition:

    @dg.sensor(
        name=replay_name(times),
        job_name=times.job.name,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts {times.job.name} once for the declared times ({times.schedule.text}) that the simulated "
        "clock has passed. ml-platform advance moves the clock. The cursor is the simulated date.",
    )
    @scrubbed
    def replay(context: dg.SensorEvaluationContext, project: ProjectParam) -> dg.SensorResult:
        now = project.clock.now()
        then = instant_text(next(times.schedule.after(now)))
        following, cursor = f"the next declared time is {then}", f"{instant_text(now)}; next {then}"
        due = due_tick(times.job.name, times.schedule, since, now)
        if due is None:
            reason = f"the simulated clock ({instant_text(now)}) has not passed a declared time yet; {following}"
            return dg.SensorResult(skip_reason=reason, cursor=cursor)
        runs = context.instance.get_runs(dg.RunsFilter(tags={TICK_TAG: due.key}), limit=1)
        if runs:
            reason = f"{instant_text(due.tick)} was requested before (run {runs[0].run_id[:8]}); {following}"
            return dg.SensorResult(skip_reason=reason, cursor=cursor)
        requested = request_run(context.instance, project, times.scored_model, due.key)
        if isinstance(requested, dg.SkipReason):
            return dg.SensorResult(skip_reason=requested, cursor=cursor)
        return dg.SensorResult(run_requests=[requested], cursor=cursor)

    return replay
