"""Rolling back: a version that was champion before is champion again, and the one that it replaces stays out.

While a version is rolled out, it is the one that is taken back: the rollout ends, and the champion stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import ApprovalWithoutReason, NothingToRollBack
from ml_platform.models.predictor import load_deployed
from ml_platform.models.train import KIND as TRAINED_MODEL
from ml_platform.registry.champion import ROLL_BACK, anchor_after, champion_ref
from ml_platform.registry.rollout import end_rollout, rollout_of
from ml_platform.storage.ledger.anchors import anchor_ledger, require_newest
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.refs import move_ref
from ml_platform.storage.versions import Version, version_of

if TYPE_CHECKING:
    from ml_platform.project import Project


def roll_back(
    project: Project, model: str, *, to: Version | None = None, actor: str, reason: str, now: datetime
) -> LedgerLine:
    """End the rollout that runs; without one, make an earlier champion the champion again. Return the ledger line.

    The version that is replaced is not deployed again by a run: `was_rolled_back`. A newer version is, once it is
    evaluated and earns more. This may be called with a version that was rolled back itself: then it is champion again.

    Parameters
    ----------
    to
        A version that was champion before; None for the one before the present, or where a rollout is to end.
    reason
        Why. The ledger keeps it.

    Raises
    ------
    NothingToRollBack
        Where no other version was champion before, or `to` was not.
    ApprovalWithoutReason
        Where there is no reason or no actor.
    ArtifactDamaged, ArtifactMissing
        Where the earlier version cannot be loaded any more. The champion stays, and a rollout continues.
    RefConflict
        Where the champion or the candidate moves at the same moment.
    """
    require_newest(project)
    if not reason.strip() or not actor.strip():
        raise ApprovalWithoutReason(f"the rollback of {model}")
    running, lines = rollout_of(project, model), ledger_lines(project.database, champion_ref(model))
    if running is not None and to is None:
        return end_rollout(project, running, reason, actor, now)
    target = _target(model, lines, to)
    load_deployed(project, project.store.get(TRAINED_MODEL, target))
    if running is not None:  # only now: where the version cannot come back, nothing is changed
        end_rollout(project, running, reason, actor, now)
    line = move_ref(
        project.database,
        champion_ref(model),
        expected=lines[-1].to_value,
        to=target,
        at=now,
        actor=actor,
        action=ROLL_BACK,
        reason=reason,
        facts=_facts(project, model, lines, target),
    )
    anchor_ledger(project)
    return line


def _facts(project: Project, model: str, lines: Sequence[LedgerLine], target: str) -> dict[str, Any]:
    """Return what the ledger keeps: both numbers, and the anchor that the target's last deployment left."""
    version, current = version_of(project, model, target), version_of(project, model, str(lines[-1].to_value))
    deployed = max(number for number, line in enumerate(lines) if line.to_value == target)
    numbers = {"version": version.number if version else None, "from_version": current.number if current else None}
    return numbers | {"anchor": anchor_after(lines[: deployed + 1])}


def _target(model: str, lines: Sequence[LedgerLine], to: Version | None) -> str:
    """Return `to`, or what was champion when the present one became it first: twice in a row goes back twice."""
    current = lines[-1].to_value if lines else None
    if to is not None:
        if to.id not in {line.to_value for line in lines} - {current}:
            raise NothingToRollBack(model, f"{to} was not champion before, or is champion now")
        return to.id
    first = next((number for number, line in enumerate(lines) if line.to_value == current), 0)
    if first == 0:
        raise NothingToRollBack(model, "no other version was champion before the present one")
    return str(lines[first - 1].to_value)
