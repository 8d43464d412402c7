"""Moving a rollout on: its stage is judged, and what follows is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ml_platform.core.errors import (
    ArtifactDamaged,
    ArtifactMissing,
    ParityNotProven,
    RefConflict,
    ReleaseRefused,
    StaleEvaluation,
)
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.operations.rollout.counts import read_counts, remove_counts
from ml_platform.operations.rollout.ending import end_with_alert
from ml_platform.operations.rollout.judge import Judged, judge
from ml_platform.operations.rollout.money import money_so_far
from ml_platform.project import Project
from ml_platform.registry.deploy import promote
from ml_platform.registry.rollout import enter_next_stage, rollout_of


def judge_rollout(project: Project, model: str, label_source: str | None, now: datetime) -> Judged | None:
    """Return what follows for the candidate of a model; None where nothing is rolled out.

    Parameters
    ----------
    label_source
        The artifact of the label's source; None where nothing was ingested yet.
    """
    rollout = rollout_of(project, model)
    if rollout is None:
        return None
    counted = read_counts(project, model, rollout.entered.seq)
    money = money_so_far(project, rollout, label_source, now)
    return judge(rollout, counted, money, project.spec.file.currency, now)


def advance_rollout(project: Project, model: str, label_source: str | None, actor: str, now: datetime) -> Judged | None:
    """Judge the stage of a candidate and do what follows: the next stage, the promotion, or the end with an alert.

    A rollout that a person or another process moves at the same moment is left as they moved it.
    """
    compact_online_log(project, now)
    judged = judge_rollout(project, model, label_source, now)
    if judged is None:
        if not any(rollout_of(project, name) for name in project.spec.models):
            remove_counts(project)
        return None
    rollout = judged.rollout
    if judged.outcome == "end":
        end_with_alert(project, rollout, judged.reason, actor, now)
        return judged
    try:
        if judged.outcome == "next":
            enter_next_stage(project, rollout, judged.reason, actor, now)
        if judged.outcome == "promote":
            promote(project, rollout, judged.reason, actor, now)
    except RefConflict:
        return judged
    except ParityNotProven as error:  # the comparison alerts, and is made again
        return replace(judged, outcome="wait", reason=str(error))
    except StaleEvaluation as error:
        judged = replace(judged, outcome="end", reason=str(error))
        end_with_alert(project, rollout, judged.reason, actor, now, stays_out=False)
    except (ReleaseRefused, ArtifactDamaged, ArtifactMissing) as error:
        judged = replace(judged, outcome="end", reason=str(error))
        end_with_alert(project, rollout, judged.reason, actor, now)
    return judged
