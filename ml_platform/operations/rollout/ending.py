"""Ending a rollout without a person: the candidate is removed, and an alert gives the reason."""

from __future__ import annotations

from datetime import datetime

from ml_platform.core.errors import RefConflict
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.project import Project
from ml_platform.registry.rollout import Rollout, end_rollout


def end_with_alert(
    project: Project, rollout: Rollout, reason: str, actor: str, now: datetime, *, stays_out: bool = True
) -> bool:
    """End a rollout and alert once; return whether it was this call that ended it."""
    try:
        end_rollout(project, rollout, reason, actor, now, stays_out=stays_out)
    except RefConflict:  # another worker, or a person, was first
        return False
    version = rollout.version
    next_step = "A newer version can be rolled out." if stays_out else "It can be rolled out again."
    alert = Alert(
        key=f"rollout.{version.model}.{rollout.begun.seq}",
        title=f"{version.model}: the rollout of version {version.number} was ended",
        body=f"{version} was in {rollout.stage.words}: {reason}. The champion answers every request.",
        severity="ticket",
        model=version.model,
        facts={"version": version.number, "stage": rollout.number + 1},
        next_step=f"Look at the figures in the ledger and in Dagster. {next_step}",
    )
    send_alert(project, alert, now)
    return True
