"""Carrying out a removal that was looked at before, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ml_platform.audit.references.roots import DELETE
from ml_platform.audit.retention.plan import RemovalPlan, plan_removal
from ml_platform.core.clock import format_duration
from ml_platform.core.errors import PlatformError
from ml_platform.features.tile_index import CELLS
from ml_platform.project import Project
from ml_platform.storage.ledger.anchors import anchor_ledger
from ml_platform.storage.ledger.lines import append_line
from ml_platform.storage.manifest_index import forget_file
from ml_platform.storage.removals import begin_removal, end_removal
from ml_platform.storage.rows import delete_rows

_AT_ONCE = 400


class StalePlan(PlatformError):
    """What would be removed is not what was looked at."""

    def __init__(self, asked: str, current: str) -> None:
        super().__init__(
            f"plan {asked} is out of date: the current plan is {current}. Nothing was removed. "
            "Run the same command without --delete, and give the plan that it prints."
        )


def remove(project: Project, plan_id: str, now: datetime, wall_now: datetime, *, actor: str) -> RemovalPlan:
    """Carry out a removal plan if it is still current, and return it.

    The ledger's line is written first, then keys are set aside, then manifests, then objects; files that are needed
    again are restored before any file is removed for good. The manifests and keys to remove for good are listed before
    the first is removed. A process that is stopped on the way leaves a store in which everything that is needed can be
    read; a second removal completes the work.

    Raises
    ------
    StalePlan
        Where something is needed by now, or no more: nothing was removed.
    UnreadableDependency
        Where something that is needed is missing or damaged.
    """
    plan = plan_removal(project, now, wall_now)
    if plan.id != plan_id:
        raise StalePlan(plan_id, plan.id)
    removal = project.store.removal
    for path in plan.back:
        removal.bring_back(path)
    if plan.set_aside:
        _record(project, plan, now, actor)
        for file in plan.set_aside:
            removal.set_aside(file.path, wall_now)
    begin_removal(project.database, [file.path for file, _ in plan.final])
    for _, path in plan.final:
        removal.remove(path)
    _forget(project, [*plan.unfinished, *(file.path for file, _ in plan.final)])
    return plan


def _forget(project: Project, paths: Sequence[str]) -> None:
    """Let the database forget manifests and keys that are gone; one that was rewritten meanwhile stays known."""
    if paths:
        with project.database.writing() as connection:
            for path in paths:
                if project.store.read_file(path) is None:
                    forget_file(connection, path)
                end_removal(connection, path)


def _record(project: Project, plan: RemovalPlan, now: datetime, actor: str) -> None:
    """Write the ledger's line, and forget that cells are stored in what goes."""
    removed: dict[str, list[str]] = {}
    for item in plan.goes:
        removed.setdefault(item.kind, []).append(item.id)
    grace = format_duration(project.spec.file.retention.grace)
    facts = {"plan": plan.id, "removed": removed, "objects": len(plan.objects), "bytes": plan.bytes, "grace": grace}
    counts = ", ".join(f"{len(ids)} of kind {kind}" for kind, ids in removed.items()) or "no artifact"
    with project.database.writing() as connection:
        for start in range(0, len(plan.objects), _AT_ONCE):
            gone = plan.objects[start : start + _AT_ONCE]
            delete_rows(connection, CELLS, CELLS.c.sha256.in_(gone))
        append_line(
            connection,
            at=now,
            actor=actor,
            action=DELETE,
            ref="store",
            reason=f"unused, and past their retention: {counts}, {len(plan.objects)} objects",
            facts=facts,
        )
    anchor_ledger(project)
