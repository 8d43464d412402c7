"""Runs whose process died without reporting a result: killed, or gone with its machine.

Such a run would stay STARTED forever. The daemon's run monitoring handles the runs that it launched; runs of the
command line carry their process in a tag, and the next run checks the tags.
"""

import os
import socket
from collections.abc import Mapping

import dagster as dg
import psutil

PROCESS_TAG = "ml_platform/process"
_UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def process_tags() -> Mapping[str, str]:
    """Return the tag that names this process on this host."""
    return {PROCESS_TAG: _name(psutil.Process(os.getpid()))}


def _name(process: psutil.Process) -> str:
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs of dead processes of this host as failed and return their ids."""
    unfinished = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    dead = [run for run in unfinished if PROCESS_TAG in run.tags and _is_dead(run.tags[PROCESS_TAG])]
    for run in dead:
        instance.report_run_failed(run, "Run process died without reporting a result.")
    return [run.run_id for run in dead]


def _is_dead(name: str) -> bool:
    host, pid, _ = name.rsplit(":", 2)
    if host != socket.gethostname():
        return False  # another machine: only that one can check
    try:
        return _name(psutil.Process(int(pid))) != name
    except psutil.NoSuchProcess:
        return True
