"""The job that sends the digest to the alert channels."""

import dagster as dg

from ml_platform.core.secrets import scrubbed
from ml_platform.operations.alerts import send_alert
from ml_platform.reporting.overview.digest import digest_alert
from ml_platform_dagster.resources.project import ProjectParam

DIGEST = "send_digest"


@dg.op(name="digest", description="Send what each model is worth and what needs a person, in three lines a model.")
@scrubbed
def digest(context: dg.OpExecutionContext, project: ProjectParam) -> None:
    """Send the digest, once a day at most."""
    now = project.clock.now()
    alert = digest_alert(project, now)
    sent = send_alert(project, alert, now)
    context.add_output_metadata({"digest": dg.MetadataValue.md(alert.body)})
    context.log.info(f"{alert.title}. {'Sent' if sent.new else 'It was sent before on this day'}.")


@dg.job(
    name=DIGEST,
    executor_def=dg.in_process_executor,
    description="Sends the digest to the alert channels: three lines for each model, and what needs a person.",
)
def digest_job() -> None:
    """Send the digest."""
    digest()
