"""Approval: a person's word that one trained model, and no other, may be deployed. Each is a line in the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.core.errors import ApprovalNotAsked, ApprovalWithoutReason
from ml_platform.storage.ledger.anchors import anchor_ledger
from ml_platform.storage.ledger.lines import LedgerLine, append_line, ledger_lines

if TYPE_CHECKING:
    from ml_platform.project import Project
    from ml_platform.storage.versions import Version

APPROVE, REJECT = "approve", "reject"


def asks_for_approval(project: Project, model: str) -> bool:
    """Return whether a version of the model is deployed only after a person approved it."""
    return model in project.spec.models and project.spec.models[model].deployment.approval == "required"


def decide(
    project: Project, version: Version, *, actor: str, reason: str, now: datetime, approved: bool = True
) -> LedgerLine:
    """Approve or reject a version, for the reason that is given. The last word counts.

    Raises
    ------
    ApprovalNotAsked
        When the model's declaration asks for none.
    ApprovalWithoutReason
        When there is no reason or no actor.
    """
    if not asks_for_approval(project, version.model):
        raise ApprovalNotAsked(version.model)
    if not reason.strip() or not actor.strip():
        raise ApprovalWithoutReason(str(version))
    with project.database.writing() as connection:
        line = append_line(
            connection,
            at=now,
            actor=actor,
            action=APPROVE if approved else REJECT,
            ref=_ref(version.model),
            to_value=version.id,
            reason=reason,
            facts={"version": version.number},
        )
    anchor_ledger(project)
    return line


def decision_on(project: Project, model: str, trained_id: str) -> LedgerLine | None:
    """Return the last decision on a trained model; None where there is no decision yet."""
    decisions = [line for line in ledger_lines(project.database, _ref(model)) if line.to_value == trained_id]
    return decisions[-1] if decisions else None


def _ref(model: str) -> str:
    return f"approval/{model}"
