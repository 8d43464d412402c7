"""The job that holds everything stored against what was written, and the schedule that asks for it."""

import dagster as dg

from ml_platform.audit.verify.findings import Verification
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.errors import StoreDamaged
from ml_platform.core.secrets import scrubbed
from ml_platform_dagster.assets.metadata import bullets
from ml_platform_dagster.jobs.anchors import event_log_anchors
from ml_platform_dagster.resources.project import ProjectParam

VERIFY = "verify_store"
_SHOWN = 50


@dg.op(name="verify_all", description="Verify the audit ledger and the hash of every manifest, object and key.")
@scrubbed
def verify_store(context: dg.OpExecutionContext, project: ProjectParam) -> None:
    """Fail, so that an alert goes out, where something is damaged, missing or surplus."""
    verification = verify_project(project, event_log_anchors(project, context.instance))
    context.add_output_metadata(_metadata(verification))
    if not verification.whole:
        raise StoreDamaged([str(damage) for damage in verification.damages], sum(verification.counts.values()))
    for sentence in verification.unfinished:
        context.log.info(f"Unfinished: {sentence}")
    context.log.info("Store verified: no damage.")


def _metadata(verification: Verification) -> dict[str, dg.MetadataValue]:
    return {
        **{f"checked {what}": dg.MetadataValue.int(count) for what, count in verification.checked.items()},
        **{what: dg.MetadataValue.int(count) for what, count in verification.counts.items()},
        "damages": bullets(map(str, verification.damages[:_SHOWN])),
    }


@dg.job(
    name=VERIFY,
    executor_def=dg.in_process_executor,
    description="Verifies all stored data and the audit ledger. It fails where a file is damaged, missing or unknown.",
)
def verify_job() -> None:
    """Verify the store."""
    verify_store()
