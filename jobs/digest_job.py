"""The job that sends the digest to the alert channels."""

import dagster as dg

from ml_platform.core.errors import PlatformError
from ml_platform.core.secrets import scrubbed
from ml_platform.operations.alerts import send_alert, sent_text
from ml_platform.reporting.overview.digest import digest_alert
from ml_platform_dagster.resources.project import ProjectParam

DIGEST = "send_digest"


class DigestNotSent(PlatformError):
    """A service did not take the digest."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text} Correct alerts in project.yaml, or the service, and run send_digest again.")


@dg.op(
    name="digest",
    description="Send what each model is worth and what needs a person, in three lines a model.",
    retry_policy=dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL),
)
@scrubbed
def digest(context: dg.OpExecutionContext, project: ProjectParam) -> None:
    """Send the digest, to each service at most once a day.

    Raises
    ------
    DigestNotSent
        Where a service did not take it; it alone is tried again.
    """
    now = project.clock.now()
    alert = digest_alert(project, now)
    sent = send_alert(project, alert, now)
    context.add_output_metadata({"digest": dg.MetadataValue.md(alert.body)})
    context.log.info(f"{alert.title}. {sent_text(sent)}")
    if sent.undelivered:
        raise DigestNotSent(sent_text(sent))


@dg.job(
    name=DIGEST,
    executor_def=dg.in_process_executor,
    description="Sends the digest to the alert channels: three lines for each model, and what needs a person.",
)
def digest_job() -> None:
    """Send the digest."""
    digest()
