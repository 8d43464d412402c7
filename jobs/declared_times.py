"""The jobs that run at declared times, and what one such time requests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from ml_platform.core.clock import Schedule
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform_dagster.assets.partitions import due_range
from ml_platform_dagster.assets.simulated import simulated_tags
from ml_platform_dagster.jobs.asset_jobs import retrain_job_name, score_job_name
from ml_platform_dagster.jobs.digest_job import digest_job
from ml_platform_dagster.jobs.parity_job import DAILY, PARITY
from ml_platform_dagster.jobs.reproduce_job import reproduce_job
from ml_platform_dagster.jobs.verify_job import verify_job
from ml_platform_dagster.resources.dagster_private import AssetJob

AnyJob = AssetJob | dg.JobDefinition
TICK_TAG = "ml_platform/tick"


@dataclass(frozen=True)
class DeclaredTimes:
    """When a job runs, as declared.

    Attributes
    ----------
    scored_model
        The model whose due days the run scores; None where the job scores nothing.
    """

    job: AnyJob
    schedule: Schedule
    scored_model: str | None = None


def declared_times(project: Project, jobs: Mapping[str, AssetJob]) -> Iterator[DeclaredTimes]:
    """Yield those of every model, and those by which the platform proves what it made."""
    for model in project.spec.models.values():
        yield DeclaredTimes(jobs[score_job_name(model.name)], model.batch, model.name)
        if model.retraining.schedule is not None:
            yield DeclaredTimes(jobs[retrain_job_name(model.name)], model.retraining.schedule)
    if PARITY in jobs:
        yield DeclaredTimes(jobs[PARITY], DAILY)
    audit = project.spec.file.audit
    if audit.reproduce is not None and project.spec.models:
        yield DeclaredTimes(reproduce_job, audit.reproduce)
    if audit.verify is not None:
        yield DeclaredTimes(verify_job, audit.verify)
    if project.spec.file.digest is not None and project.spec.models:
        yield DeclaredTimes(digest_job, project.spec.file.digest)


def request_run(
    instance: dg.DagsterInstance, project: Project, scored_model: str | None, key: str | None = None
) -> dg.RunRequest | dg.SkipReason:
    """Return the run that a declared time asks for, or why it asks for none.

    Parameters
    ----------
    key
        Names the time, so that it is requested once.
    """
    now = project.clock.now()
    tags = {**({TICK_TAG: key} if key else {}), **simulated_tags(project, now)}
    if scored_model is None:
        return dg.RunRequest(run_key=key, tags=tags)
    if champion(project, scored_model) is None:
        return dg.SkipReason(f"no version of {scored_model} is deployed yet")
    return dg.RunRequest(run_key=key, tags={**tags, **due_range(instance, project, [scored_model], now)})
