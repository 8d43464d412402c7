"""A project's definitions: its assets, jobs, schedules and sensors."""

import dagster as dg

from ml_platform.declarations.graph import build_graph
from ml_platform.project import Project
from ml_platform_dagster.assets.build import build_assets
from ml_platform_dagster.assets.online_log import build_online_log
from ml_platform_dagster.jobs.approve_job import approve_job
from ml_platform_dagster.jobs.asset_jobs import build_asset_jobs
from ml_platform_dagster.jobs.clock_job import advance_clock
from ml_platform_dagster.jobs.digest_job import digest_job
from ml_platform_dagster.jobs.mlflow_job import deliver_mlflow, mlflow_outbox
from ml_platform_dagster.jobs.online_log_job import online_log_job, online_log_schedule
from ml_platform_dagster.jobs.online_store import online_store_sensor, publish_job
from ml_platform_dagster.jobs.parity_job import parity_job
from ml_platform_dagster.jobs.replay import build_replays
from ml_platform_dagster.jobs.reproduce_job import reproduce_job
from ml_platform_dagster.jobs.rollout_job import rollout_job, rollout_schedule
from ml_platform_dagster.jobs.schedules import build_schedules
from ml_platform_dagster.jobs.sensors import drift_sensor, failed_runs, new_source_data_sensor
from ml_platform_dagster.jobs.verify_job import verify_job
from ml_platform_dagster.resources.mlflow import training_tracker

_OTHER_JOBS = (deliver_mlflow, reproduce_job, verify_job, approve_job, digest_job)


def build_definitions(project: Project) -> dg.Definitions:
    """Return everything that Dagster should know of a project."""
    nodes = build_graph(project.spec)
    jobs = build_asset_jobs(nodes, project.spec.models)
    simulated = project.spec.file.clock != "wall"
    sensors = [new_source_data_sensor(jobs), failed_runs, mlflow_outbox]
    if project.spec.models:
        sensors.append(drift_sensor(jobs, list(project.spec.models)))
    online_log = build_online_log(project)
    parity = parity_job(nodes)
    if parity is not None:
        jobs[parity.name] = parity
    publish = publish_job(nodes)
    if publish is not None:
        jobs[publish.name] = publish
        sensors.append(online_store_sensor(publish))
    judging = rollout_job(nodes)
    if judging is not None:
        jobs[judging.name] = judging
    sensors += build_replays(project, jobs)
    return dg.Definitions(
        assets=[*build_assets(project, nodes), *online_log],
        jobs=[
            *jobs.values(),
            *_OTHER_JOBS,
            *([online_log_job] if online_log else []),
            *([advance_clock] if simulated else []),
        ],
        schedules=[
            *build_schedules(project, jobs),
            *([online_log_schedule] if online_log else []),
            *([rollout_schedule(judging)] if judging else []),
        ],
        sensors=sensors,
        resources={"project": project, "mlflow": training_tracker},
        executor=dg.in_process_executor,
    )
