"""A run in which no step has anything to do. It needs no Dagster, whose start takes most of the time of such a run."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.cli.dagster_home import is_ready, make_home
from ml_platform.declarations.fingerprint import files_version
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.last_declarations import is_of_last_whole_run
from ml_platform.storage.ledger.anchors import require_newest

if TYPE_CHECKING:
    from ml_platform.operations.planning.plan import Planned


def unchanged_events(project: Project, only: Collection[str] = ()) -> list[Mapping[str, Any]] | None:
    """Return the events of a run in which every step is up to date; None where a step may have something to do.

    A check has no key of its own, so any edit of a declaration since the last whole run counts as something to do.

    Parameters
    ----------
    only
        The names of the nodes of the run; all by default.

    Raises
    ------
    LedgerDamaged
        Where the database is older than its ledger.
    """
    if not is_ready(make_home(project)):  # Dagster has no record of any step yet
        return None
    if not is_of_last_whole_run(project.database, files_version(project.spec)):
        return None
    from ml_platform.operations.planning.planner import plan_nodes  # libraries of data frames, where it may help

    began = time.monotonic()
    nodes: list[Planned] = []
    now = project.clock.now()
    for node in plan_nodes(project, now):
        if node.node in only or not only:
            if node.verdict != "up to date" or _checks_are_open(project, node.node, now):
                return None
            nodes.append(node)
    require_newest(project)
    return list(_events(nodes, time.monotonic() - began))


def _checks_are_open(project: Project, node: str, now: datetime) -> bool:
    """Return whether a check of a node failed, or may fail by now: the age of a source's rows grows with the clock."""
    from ml_platform.sources.checks.results import last_recording

    recording = last_recording(project.database, node)
    if recording is None:
        return False
    name = NodeName.parse(node)
    ages = name.kind == "source" and project.spec.sources[name.subject].freshness is not None
    return bool(recording.blocking) or (ages and recording.at != now)


def _events(nodes: Collection[Planned], seconds: float) -> Iterator[Mapping[str, Any]]:
    yield {"event": "run", "steps": [node.node for node in nodes]}
    for node in nodes:
        yield {"event": "done", "step": node.node, "seconds": 0.0, "reused": True, "id": node.id, "figures": {}}
    yield {"event": "end", "success": True, "seconds": round(seconds, 2)}
