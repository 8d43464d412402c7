"""Run a job of a project in this process, and report its progress.

``python -m ml_platform_dagster.jobs.run --project DIR --job update_everything``

Every line on stdout is a JSON object with an ``event``:

- ``run``: ``run``, ``job``, ``steps`` (names in order)
- ``start``: ``step``
- ``done``: ``step``, ``seconds``, ``reused``, ``id``, ``figures``
- ``failed``: ``step``, ``error``
- ``skipped``: ``step``
- ``end``: ``run``, ``success``, ``seconds``

A version that is not deployed is no failure: the champion stays, and the same run continues with its predictions. Where
a model has no champion, nothing of it follows; other models that read its predictions follow in a second ``run``.
The exit code is 0 on success, 1 on failure, 130 after Ctrl-C.
"""

import os
import signal
import sys
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import TextIO, cast

from ml_platform.cli.exit import INTERRUPTED, collect_seldom, leave

if __name__ == "__main__":
    collect_seldom()  # before the imports, which make most of the objects

import scipy.special  # noqa: F401  (first: skops searches the modules in the order of their import)

# isort: split
import dagster as dg

from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.secrets import RedactingStream
from ml_platform.declarations.fingerprint import files_version
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.alerts import send_alert
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.storage.last_declarations import record_whole_run
from ml_platform.storage.ledger.anchors import require_newest
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.assets.partitions import due_range
from ml_platform_dagster.assets.simulated import simulated_tags
from ml_platform_dagster.jobs.asset_jobs import FACTORY
from ml_platform_dagster.jobs.build import build_definitions
from ml_platform_dagster.jobs.command import parser_of, run_command
from ml_platform_dagster.jobs.failures import failure_alert
from ml_platform_dagster.jobs.instance import open_instance
from ml_platform_dagster.jobs.orphaned_runs import end_dead_runs, process_tags
from ml_platform_dagster.jobs.run_events import EventSink, RunListener, RunOutcome, json_lines

_SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class UnknownJob(PlatformError):
    """The project has no job of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no job {name!r}. {suggest(name, known)}")


def run_job(
    project: Project, instance: dg.DagsterInstance, job: str, report: EventSink, only: Collection[str] = ()
) -> RunOutcome:
    """Run a job to its end in this process, report each step, and alert where it failed.

    Parameters
    ----------
    only
        The names of the nodes to make; all of the job's by default.

    Raises
    ------
    UnknownJob
    """
    definition = _resolve(project, job)
    names = {node.name.replace("/", "__"): node.name for node in build_graph(project.spec)}
    steps = [names.get(node.name, node.name) for node in definition.nodes_in_topological_order]
    steps = [step for step in steps if step in only or not only]
    outcome = RunOutcome(str(uuid.uuid4()))
    report({"event": "run", "run": outcome.run, "job": job, "steps": steps})
    began = time.monotonic()
    listener = RunListener(outcome, names, report)
    instance.add_event_listener(outcome.run, listener)
    result = definition.execute_in_process(
        instance=instance,
        run_id=outcome.run,
        run_config=_SILENT,
        tags=_tags(project, instance, steps),
        asset_selection=[asset_key(name) for name in only] or None,
        raise_on_error=False,
    )
    outcome.success = result.success
    listener.report_skipped(steps)
    if not outcome.success and not outcome.interrupted:
        now = project.clock.now()
        alert = failure_alert(project, result.dagster_run, list(outcome.problems.values()), now)
        if alert is not None:
            send_alert(project, alert, now)
    end = {"event": "end", "run": outcome.run, "success": outcome.success}
    report({**end, "seconds": round(time.monotonic() - began, 2)})
    return outcome


def _resolve(project: Project, job: str) -> dg.JobDefinition:
    repository = build_definitions(project).get_repository_def()
    if not repository.has_job(job):
        raise UnknownJob(job, [name for name in repository.job_names if not name.startswith("__")])
    return repository.get_job(job)


def _tags(project: Project, instance: dg.DagsterInstance, steps: Sequence[str]) -> Mapping[str, str]:
    now = project.clock.now()
    models = [model for model in project.spec.models if NodeName("predictions", model) in steps]
    days = due_range(instance, project, models, now) if models else {}
    return {**process_tags(), **simulated_tags(project, now), **days}


def run_and_follow(
    project: Project, instance: dg.DagsterInstance, job: str, report: EventSink, only: Collection[str] = ()
) -> int:
    """Run a job, then what waited for predictions of a model without a champion, and return the exit code."""
    outcome = run_job(project, instance, job, report, only)
    waiting = _waiting(project, outcome) if job == FACTORY and not only else []
    while waiting and outcome.success:
        outcome = run_job(project, instance, FACTORY, report, only=waiting)
        remaining = _waiting(project, outcome)
        waiting = remaining if len(remaining) < len(waiting) else []
    if outcome.interrupted:
        return INTERRUPTED
    if outcome.success and job == FACTORY and not only:
        record_whole_run(project.database, files_version(project.spec))
    return int(outcome.failed)


def _waiting(project: Project, outcome: RunOutcome) -> list[str]:
    """Return the steps that were skipped though their own model is not the one without a champion."""
    without = {model for model in project.spec.models if champion(project, model) is None}
    return [step for step in outcome.skipped if NodeName.parse(step).subject not in without]


# The command ----------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job that the arguments name and return the exit code."""
    parser = parser_of("run", "Run a project's job.")
    parser.add_argument("--job", default=FACTORY)
    parser.add_argument(
        "--only", action="append", default=[], help="one step of the job, such as late_arrival/deployment"
    )
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # also where the parent process ignores them
        signal.signal(number, signal.default_int_handler)
    report = json_lines(_private_stdout())

    def work(project: Project) -> int:
        require_newest(project)
        with open_instance(project) as instance:
            end_dead_runs(instance)
            return run_and_follow(project, instance, options.job, report, options.only)

    return run_command(options.project, work)


def _private_stdout() -> TextIO:
    """Return stdout for the reported lines; whatever a library prints goes to stderr from now on."""
    stream = cast(TextIO, RedactingStream(os.fdopen(os.dup(sys.stdout.fileno()), "w")))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


if __name__ == "__main__":
    leave(main())
