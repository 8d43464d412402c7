"""The job that judges the versions that are rolled out, and its schedule."""

from collections.abc import Sequence

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.resources.dagster_private import AssetJob

ROLLOUT = "judge_rollouts"


def rollout_job(nodes: Sequence[Node]) -> AssetJob | None:
    """Return the job; None where no model declares a rollout."""
    keys = [asset_key(node.name) for node in nodes if node.kind == "rollout"]
    if not keys:
        return None
    text = "Judges the versions that are rolled out: next stage, champion, or removed."
    return dg.define_asset_job(ROLLOUT, dg.AssetSelection.assets(*keys), description=text)


def rollout_schedule(job: AssetJob) -> dg.ScheduleDefinition:
    """Return when the job runs."""
    return dg.ScheduleDefinition(
        name=f"{ROLLOUT}_schedule",
        job=job,
        cron_schedule="*/5 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Judges each rollout every five minutes, by the clock of the machine.",
    )
