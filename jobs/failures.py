"""What went wrong in a run, in the core's own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from ml_platform.errors import ReleaseRefused
from ml_platform.identity import content_id
from ml_platform.monitoring.alerts import Alert
from ml_platform.project import Project


@dataclass(frozen=True)
class Problem:
    """An error without its traceback.

    Attributes
    ----------
    refused
        A version did not meet its gates or its release rule: an answer, not a fault.
    """

    text: str
    refused: bool


def problem_of(error: SerializableErrorInfo | None) -> Problem:
    """Return the platform's own error inside Dagster's, else the first one below Dagster's wrapping."""
    if error is None:
        return Problem("it ended without an error message", refused=False)
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    ours = [link for link in chain if link.message.startswith("ml_platform")]
    told = ours[0] if ours else chain[min(1, len(chain) - 1)]
    return Problem(_text(told), refused=told.cls_name == ReleaseRefused.__name__)


def _text(error: SerializableErrorInfo) -> str:
    """Return the message without the class that Python puts before it."""
    name, _, rest = error.message.strip().partition(": ")
    return rest if rest and name.rpartition(".")[2] == error.cls_name else error.message.strip()


def failure_alert(project: Project, run: dg.DagsterRun, problems: Sequence[Problem], now: datetime) -> Alert:
    """Return the alert for a run that failed, or in which a version was refused.

    The same problem of the same job has one key a day: an hourly job that stays broken does not alert each hour.
    """
    told = content_id([problem.text for problem in problems])[:12]
    refused = bool(problems) and all(problem.refused for problem in problems)
    what = "kept the champion" if refused else "failed"
    return Alert(
        key=f"run.{run.job_name}.{now:%Y-%m-%d}.{told}",
        title=f"{project.spec.name}: {run.job_name} {what}",
        body="\n".join(problem.text for problem in problems) or "The run ended without saying why.",
        severity="report" if refused else "ticket",
        facts={"run": run.run_id},
        next_step="" if refused else f"Look at run {run.run_id[:8]} in the Dagster UI.",
    )
