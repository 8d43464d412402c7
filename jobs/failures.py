"""What went wrong in a run, in the core's own words."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from ml_platform.core.hashing import content_id
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project


def problem_of(error: SerializableErrorInfo | None) -> str:
    """Return the platform's own error inside Dagster's, else the first one below Dagster's wrapping; no traceback."""
    if error is None:
        return "it ended without an error message"
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    ours = [link for link in chain if link.message.startswith("ml_platform")]
    return _text(ours[0] if ours else chain[min(1, len(chain) - 1)])


def _text(error: SerializableErrorInfo) -> str:
    """Return the message without the class that Python puts before it."""
    name, _, rest = error.message.strip().partition(": ")
    return rest if rest and name.rpartition(".")[2] == error.cls_name else error.message.strip()


def failure_alert(project: Project, run: dg.DagsterRun, problems: Sequence[str], now: datetime) -> Alert:
    """Return the alert for a run that failed.

    The same problem of the same job has one key a day: an hourly job that stays broken does not alert each hour.
    """
    return Alert(
        key=f"run.{run.job_name}.{now:%Y-%m-%d}.{content_id(list(problems))[:12]}",
        title=f"{project.spec.name}: {run.job_name} failed",
        body="\n".join(problems) or "The run ended without an error message.",
        severity="ticket",
        facts={"run": run.run_id},
        next_step=f"Look at run {run.run_id[:8]} in the Dagster UI.",
    )
