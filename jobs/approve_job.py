"""The job in which a person approves or rejects a version; one that is approved is deployed at once."""

import dagster as dg

from ml_platform.core.secrets import scrubbed
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.versions.pending import last_evaluation
from ml_platform.project import Project
from ml_platform.registry.approvals import decide
from ml_platform.registry.deploy import deploy
from ml_platform.registry.resolve import version_named
from ml_platform.registry.rollout import rollout_of
from ml_platform.storage.outputs import record_output
from ml_platform.storage.versions import Version
from ml_platform_dagster.assets.deployment import deployed
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.resources.project import ProjectParam

APPROVE = "approve_version"


class ApprovalConfig(dg.Config):
    """A person's word on a version, such as ``late_arrival@3``."""

    version: str
    reason: str
    actor: str
    reject: bool = False


@dg.op(description="Record an approval or rejection in the ledger, and deploy an approved version.")
@scrubbed
def decide_on_version(context: dg.OpExecutionContext, config: ApprovalConfig, project: ProjectParam) -> None:
    """Approve or reject exactly the trained model that the version is."""
    version, now = version_named(project, config.version), project.clock.now()
    line = decide(project, version, actor=config.actor, reason=config.reason, now=now, approved=not config.reject)
    context.log.info(f"Line {line.seq} of the ledger: {line.action} of {version} by {config.actor}.")
    if not config.reject:
        _deploy(context, project, version)


def _deploy(context: dg.OpExecutionContext, project: Project, version: Version) -> None:
    """Deploy a version that was approved, by the evaluation that was made last."""
    evaluation, now = last_evaluation(project, version.model), project.clock.now()
    if evaluation is None or evaluation.inputs["trained_model"] != version.id:
        context.log.info(f"{version} is approved, and is deployed when it is evaluated again.")
        return
    line = deploy(project, version.model, version.id, evaluation.id, f"dagster run {context.run_id}", now)
    running = rollout_of(project, version.model)
    if running is not None and running.version.id == version.id:
        context.log.info(running.words)
        return
    node = NodeName("deployment", version.model)
    record_output(project.database, node, "deployment", version.id, run=context.run_id, at=now)
    metadata = deployed(project, version.model, version.id, line)
    context.log_event(dg.AssetMaterialization(asset_key(node), metadata=metadata))


@dg.job(
    name=APPROVE,
    executor_def=dg.in_process_executor,
    description="Approves or rejects a version that waits: set version, reason and actor in the launchpad.",
)
def approve_job() -> None:
    """Decide on a version."""
    decide_on_version()
