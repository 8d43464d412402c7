"""The job that delivers the records that MLflow could not receive before, and the sensor that requests it."""

import dagster as dg

from ml_platform.core.errors import PlatformError
from ml_platform.core.secrets import scrubbed
from ml_platform.reporting.mlflow.client import reachable
from ml_platform.reporting.mlflow.outbox import deliver, waiting
from ml_platform_dagster.resources.project import ProjectParam

DELIVER_MLFLOW = "deliver_to_mlflow"


class MlflowRefused(PlatformError):
    """MLflow did not take all that waits for it."""

    def __init__(self, waiting: int, problem: str | None) -> None:
        super().__init__(f"{waiting} records still wait for MLflow: {problem}. They are kept and retried.")


@dg.op(description="Deliver the waiting records to MLflow.")
@scrubbed
def deliver_records(context: dg.OpExecutionContext, project: ProjectParam) -> None:
    """Deliver what waits, oldest first."""
    delivery = deliver(project)
    if delivery.waiting:
        raise MlflowRefused(delivery.waiting, delivery.problem)
    context.log.info(f"{delivery.delivered} records delivered.")


@dg.job(
    name=DELIVER_MLFLOW,
    executor_def=dg.in_process_executor,
    description="Delivers the records that waited while MLflow was unreachable.",
)
def deliver_mlflow() -> None:
    """Deliver what waits."""
    deliver_records()


@dg.sensor(
    name="deliver_waiting_mlflow_records",
    job_name=DELIVER_MLFLOW,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts deliver_to_mlflow when records wait and MLflow is reachable.",
)
@scrubbed
def mlflow_outbox(context: dg.SensorEvaluationContext, project: ProjectParam) -> dg.RunRequest | dg.SkipReason:
    """Ask for one delivery of what waits now."""
    kept = waiting(project)
    if not kept:
        return dg.SkipReason("MLflow has every record: none waits")
    if not reachable(project.mlflow_uri):
        return dg.SkipReason(f"{len(kept)} records wait, and MLflow at {project.mlflow_address} cannot be reached")
    return dg.RunRequest(run_key=f"{kept[0][0]}-{kept[-1][0]}")
