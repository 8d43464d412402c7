"""Rollouts: a version that is to become champion answers in stages first. Here is which stage it is in.

The state is a ref that moves by compare-and-set, each move a line in the ledger, as with the champion. The stages are
kept in the lines: what was declared when a rollout began holds until it ends, in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import RefConflict
from ml_platform.declarations.rollout import RolloutStage
from ml_platform.registry.champion import champion_ref, was_rolled_back
from ml_platform.storage.ledger.anchors import anchor_ledger
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.refs import move_ref, read_ref
from ml_platform.storage.versions import Version, version_of

if TYPE_CHECKING:
    from ml_platform.project import Project

BEGIN, NEXT, END, FINISH = "begin rollout", "next stage", "end rollout", "finish rollout"
NO_CANDIDATE = "none"
"""What the ref holds while no version is rolled out."""


def rollout_ref(model: str) -> str:
    """Return the name of the ref that points at a model's candidate and its stage."""
    return f"rollout/{model}"


@dataclass(frozen=True)
class Rollout:
    """A version on its way.

    Attributes
    ----------
    version
        The candidate.
    number
        Which of the stages it is in, from 0.
    begun, entered
        The lines of the ledger that began the rollout and its present stage.
    """

    version: Version
    number: int
    stages: tuple[RolloutStage, ...]
    begun: LedgerLine
    entered: LedgerLine

    @property
    def stage(self) -> RolloutStage:
        """The present stage."""
        return self.stages[self.number]

    @property
    def evaluation(self) -> str:
        """The id of the evaluation that allowed the version to be deployed."""
        return str(self.begun.facts["evaluation"])

    @property
    def words(self) -> str:
        """Where the version is."""
        return f"{self.version} is a candidate in {self.stage_text}"

    @property
    def stage_text(self) -> str:
        """Which of its stages it is in."""
        return f"stage {self.number + 1} of {len(self.stages)}, {self.stage.words}"

    @property
    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "candidate": self.version.number,
            "stage": self.stage.kind,
            "share": self.stage.share,
            "number": self.number + 1,
            "stages": len(self.stages),
            "since": self.entered.clock.isoformat(),
        }


def rollout_of(project: Project, model: str) -> Rollout | None:
    """Return the rollout that runs; None where none does."""
    value = read_ref(project.database, rollout_ref(model))
    if value in (None, NO_CANDIDATE):
        return None
    lines = ledger_lines(project.database, rollout_ref(model))
    id, _, number = str(lines[-1].to_value).partition(":")
    version = version_of(project, model, id)
    if version is None or read_ref(project.database, champion_ref(model)) == id:
        return None  # it is champion already, and the process that made it so was stopped in between
    begun = next(line for line in reversed(lines) if line.action == BEGIN)
    stages = tuple(RolloutStage.model_validate(stage) for stage in begun.facts["stages"])
    return Rollout(version, int(number), stages, begun, lines[-1])


def candidate_ids(project: Project, model: str) -> set[str]:
    """Return the ids of all versions that were ever a candidate."""
    lines = ledger_lines(project.database, rollout_ref(model))
    return {str(line.to_value).partition(":")[0] for line in lines} - {NO_CANDIDATE}


def why_ended(project: Project, version: Version) -> str | None:
    """Return why the last rollout of a version was ended; None where it was not, or can begin again."""
    lines = ledger_lines(project.database, rollout_ref(version.model))
    about = [line for line in lines if version.id in f"{line.from_value} {line.to_value}"]
    if not about or about[-1].action != END or not about[-1].facts["stays_out"]:
        return None
    return about[-1].reason


def kept_out(project: Project, version: Version) -> str | None:
    """Return why no run deploys a version, whatever its evaluation recommends; None where nothing is against it."""
    if was_rolled_back(project, version):
        return "it was rolled back; ml-platform rollback names the reason"
    reason = why_ended(project, version)
    if reason is not None:
        return f"its rollout was ended: {reason}"
    running = rollout_of(project, version.model)
    if running is not None and running.version.id != version.id:
        return f"{running.words}, and one version at a time is rolled out"
    return None


def begin_rollout(
    project: Project, version: Version, evaluation: str, stages: Sequence[RolloutStage], actor: str, now: datetime
) -> LedgerLine:
    """Make a version the candidate of the first stage.

    Raises
    ------
    RefConflict
        Where another rollout began at the same moment.
    """
    ref = rollout_ref(version.model)
    declared = [stage.model_dump(mode="json", by_alias=True, exclude_none=True) for stage in stages]
    facts = {"candidate": version.number, "evaluation": evaluation, "stages": declared}
    last = read_ref(project.database, ref)
    if last is not None and last != NO_CANDIDATE and rollout_of(project, version.model) is not None:
        raise RefConflict(ref, NO_CANDIDATE, last)
    line = move_ref(
        project.database,
        ref,
        expected=last,
        to=f"{version.id}:0",
        at=now,
        actor=actor,
        action=BEGIN,
        reason=f"it may be deployed, and begins with {stages[0].words}",
        facts=facts,
    )
    anchor_ledger(project)
    return line


def enter_next_stage(project: Project, rollout: Rollout, reason: str, actor: str, now: datetime) -> LedgerLine:
    """Move a candidate to the stage after its present one.

    Raises
    ------
    RefConflict
        Where the rollout was ended or moved at the same moment.
    """
    number = rollout.number + 1
    facts = {"candidate": rollout.version.number, "stage": rollout.stages[number].words}
    return _move(project, rollout, f"{rollout.version.id}:{number}", NEXT, reason, actor, now, facts)


def end_rollout(
    project: Project, rollout: Rollout, reason: str, actor: str, now: datetime, *, stays_out: bool = True
) -> LedgerLine:
    """Remove a candidate; the champion continues to answer every request.

    Parameters
    ----------
    stays_out
        Whether a run does not begin a rollout of the same version again.

    Raises
    ------
    RefConflict
        Where the rollout was ended or moved at the same moment.
    """
    facts = {"from_version": rollout.version.number, "stage": rollout.stage.words, "stays_out": stays_out}
    return _move(project, rollout, NO_CANDIDATE, END, reason, actor, now, facts)


def finish_rollout(project: Project, rollout: Rollout, actor: str, now: datetime) -> LedgerLine:
    """Note that a candidate has become champion."""
    facts = {"candidate": rollout.version.number}
    return _move(project, rollout, NO_CANDIDATE, FINISH, "it is champion", actor, now, facts)


def _move(
    project: Project,
    rollout: Rollout,
    to: str,
    action: str,
    reason: str,
    actor: str,
    now: datetime,
    facts: dict[str, Any],
) -> LedgerLine:
    line = move_ref(
        project.database,
        rollout_ref(rollout.version.model),
        expected=rollout.entered.to_value,
        to=to,
        at=now,
        actor=actor,
        action=action,
        reason=reason,
        facts=facts,
    )
    anchor_ledger(project)
    return line
