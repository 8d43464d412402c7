"""Schedules from the declarations: a refresh at each model's batch runs, a retraining where one is declared.

On the wall clock a schedule is Dagster's own, in the declared zone. On a simulated clock it
looks once a minute whether the simulation has passed a tick.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import dagster as dg

from ml_platform.core.clock import Schedule
from ml_platform.core.secrets import scrubbed
from ml_platform.operations.scheduling import due_tick
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform_dagster.assets.partitions import due_range
from ml_platform_dagster.jobs.asset_jobs import refresh_job_name, retrain_job_name
from ml_platform_dagster.jobs.parity_job import DAILY, PARITY
from ml_platform_dagster.jobs.reproduce_job import reproduce_job
from ml_platform_dagster.jobs.verify_job import verify_job
from ml_platform_dagster.resources.dagster_private import AssetJob
from ml_platform_dagster.resources.project import ProjectParam

AnyJob = AssetJob | dg.JobDefinition
TICK_TAG = "ml_platform/tick"
_EACH_MINUTE = "* * * * *"


def build_schedules(project: Project, jobs: Mapping[str, AssetJob]) -> Iterator[dg.ScheduleDefinition]:
    """Yield the schedules of every model, and those by which the platform proves what it made."""
    for model in project.spec.models.values():
        yield _schedule(project, jobs[refresh_job_name(model.name)], model.batch, model.name)
        if model.retraining.schedule is not None:
            yield _schedule(project, jobs[retrain_job_name(model.name)], model.retraining.schedule, None)
    if PARITY in jobs:
        yield _schedule(project, jobs[PARITY], DAILY, None)
    audit = project.spec.file.audit
    if audit.reproduce is not None and project.spec.models:
        yield _schedule(project, reproduce_job, audit.reproduce, None)
    if audit.verify is not None:
        yield _schedule(project, verify_job, audit.verify, None)


def _schedule(project: Project, job: AnyJob, schedule: Schedule, scored_model: str | None) -> dg.ScheduleDefinition:
    """Return the schedule of one job.

    Parameters
    ----------
    scored_model
        The model whose due days the run scores; None where the job scores nothing.
    """
    if project.spec.file.clock == "wall":
        return _on_the_wall(job, schedule, scored_model)
    return _simulated(job, schedule, scored_model, since=project.spec.file.clock.simulated_from)


def _on_the_wall(job: AnyJob, schedule: Schedule, scored_model: str | None) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=schedule.cron,
        execution_timezone=schedule.zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"As declared: {schedule.text}.",
    )
    @scrubbed
    def at_tick(context: dg.ScheduleEvaluationContext, project: ProjectParam) -> dg.RunRequest | dg.SkipReason:
        return _request(context.instance, project, scored_model)

    return at_tick


def _simulated(job: AnyJob, schedule: Schedule, scored_model: str | None, since: datetime) -> dg.ScheduleDefinition:
    name = f"{job.name}_schedule"

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=_EACH_MINUTE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"As declared: {schedule.text}, by the simulated clock. Looked at once a minute.",
    )
    @scrubbed
    def when_due(context: dg.ScheduleEvaluationContext, project: ProjectParam) -> dg.RunRequest | dg.SkipReason:
        due = due_tick(name, schedule, since, project.clock.now())
        if due is None:
            return dg.SkipReason("the simulated clock has not passed a tick yet")
        if context.instance.get_runs(dg.RunsFilter(tags={TICK_TAG: due.key}), limit=1):
            return dg.SkipReason(f"{due.key} was requested before")
        return _request(context.instance, project, scored_model, due.key)

    return when_due


def _request(
    instance: dg.DagsterInstance, project: Project, scored_model: str | None, key: str | None = None
) -> dg.RunRequest | dg.SkipReason:
    tick = {TICK_TAG: key} if key else {}
    if scored_model is None:
        return dg.RunRequest(run_key=key, tags=tick)
    if champion(project, scored_model) is None:
        return dg.SkipReason(f"no version of {scored_model} is deployed yet")
    return dg.RunRequest(
        run_key=key, tags={**tick, **due_range(instance, project, [scored_model], project.clock.now())}
    )
