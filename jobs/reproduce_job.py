"""The job that retrains a past version, and the schedule that requests it."""

import dagster as dg

from ml_platform.audit.reproduce.history import ReproductionRun, keep_attempt, version_to_reproduce
from ml_platform.audit.reproduce.reproducer import Reproduction, reproduce
from ml_platform.core.errors import ReproductionDiffers
from ml_platform.core.secrets import scrubbed
from ml_platform.registry.resolve import version_named
from ml_platform_dagster.assets.metadata import bullets
from ml_platform_dagster.resources.project import ProjectParam

REPRODUCE = "reproduce_past_version"


class ReproduceConfig(dg.Config):
    """Which version to retrain; a random one where none is named."""

    version: str = ""


@dg.op(description="Retrain a past version from its manifest, and compare the fitted state.")
@scrubbed
def reproduce_version(context: dg.OpExecutionContext, config: ReproduceConfig, project: ProjectParam) -> None:
    """Fail, so that an alert goes out, where the fitted state is not what it was."""
    now = project.clock.now()
    version = version_named(project, config.version) if config.version else version_to_reproduce(project, now)
    if version is None:
        context.log.info("No version can be reproduced yet.")
        return
    reproduction = reproduce(project, version)
    keep_attempt(project, ReproductionRun(str(version), now, reproduction.same, reproduction.statement))
    context.add_output_metadata(_metadata(reproduction))
    if not reproduction.same:
        raise ReproductionDiffers(str(version), reproduction.statement)
    context.log.info(f"{version} was reproduced: {reproduction.statement}.")


def _metadata(reproduction: Reproduction) -> dict[str, dg.MetadataValue]:
    return {
        "version": dg.MetadataValue.text(reproduction.version),
        "same": dg.MetadataValue.bool(reproduction.same),
        "statement": dg.MetadataValue.text(reproduction.statement),
        "differences": bullets(map(str, reproduction.differences)),
        "snapshot": dg.MetadataValue.text(reproduction.snapshot_id),
        "trained_model": dg.MetadataValue.text(reproduction.trained_model),
    }


@dg.job(
    name=REPRODUCE,
    executor_def=dg.in_process_executor,
    description="Trains a past version again, a random one by default. It fails where the fitted state differs.",
)
def reproduce_job() -> None:
    """Retrain a version."""
    reproduce_version()
