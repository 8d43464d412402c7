"""What went wrong in a run, in the core's own words."""

import re
from collections.abc import Sequence
from datetime import datetime

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from ml_platform.core.hashing import content_id
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project

_ALERTED = re.compile(r"[^/ ]+/parity: check parity ")
"""The problems of steps that send an alert themselves, with what to do."""


def problem_of(error: SerializableErrorInfo | None) -> str:
    """Return the platform's own error inside Dagster's, else the first one below Dagster's wrapping; no traceback."""
    if error is None:
        return "it ended without an error message"
    if error.cls_name == "DagsterExecutionInterruptedError":
        return "the run was stopped before its end, such as by the end of `ml-platform up` or of its machine"
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    ours = [link for link in chain if link.message.startswith("ml_platform")]
    return _text(ours[0] if ours else chain[min(1, len(chain) - 1)])


def _text(error: SerializableErrorInfo) -> str:
    """Return the message without the class that Python puts before it."""
    name, _, rest = error.message.strip().partition(": ")
    return rest if rest and name.rpartition(".")[2] == error.cls_name else error.message.strip()


def failure_alert(project: Project, run: dg.DagsterRun, problems: Sequence[str], now: datetime) -> Alert | None:
    """Return the alert for a run that failed; None where what stopped it has alerted by itself.

    The same problem has one key a day, whichever job meets it: a source that stays broken stops the jobs of all models,
    each hour, and is one cause.
    """
    causes = [problem for problem in problems if not _ALERTED.match(problem)]
    if problems and not causes:
        return None
    cause = content_id(causes) if causes else run.job_name
    return Alert(
        key=f"run.{now:%Y-%m-%d}.{cause[:64]}",
        title=f"{project.spec.name}: {run.job_name} failed",
        body="\n".join(causes) or "The run ended without an error message.",
        severity="ticket",
        facts={"run": run.run_id},
        next_step=f"Look at run {run.run_id[:8]} in the Dagster UI.",
    )
