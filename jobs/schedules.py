"""Dagster's own schedules, in the declared zone, for a project on the wall clock."""

from collections.abc import Mapping

import dagster as dg

from ml_platform.core.secrets import scrubbed
from ml_platform.project import Project
from ml_platform_dagster.jobs.declared_times import DeclaredTimes, declared_times, request_run
from ml_platform_dagster.resources.dagster_private import AssetJob
from ml_platform_dagster.resources.project import ProjectParam


def build_schedules(project: Project, jobs: Mapping[str, AssetJob]) -> list[dg.ScheduleDefinition]:
    """Return a schedule for each job that runs at declared times; none on a simulated clock."""
    if project.spec.file.clock != "wall":
        return []
    return [_schedule(times) for times in declared_times(project, jobs)]


def _schedule(times: DeclaredTimes) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{times.job.name}_schedule",
        job=times.job,
        cron_schedule=times.schedule.cron,
        execution_timezone=times.schedule.zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {times.job.name} as declared: {times.schedule.text}.",
    )
    @scrubbed
    def at_declared_time(context: dg.ScheduleEvaluationContext, project: ProjectParam) -> dg.RunRequest | dg.SkipReason:
        return request_run(context.instance, project, times.scored_model)

    return at_declared_time
