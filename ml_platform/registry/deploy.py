"""Deploying: a version becomes the champion, where its evaluation allows it.

Deployment trusts no verdict: it checks gates and release rule again itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import (
    ApprovalNeeded,
    ArtifactDamaged,
    EvaluationError,
    RefConflict,
    ReleaseRefused,
    StaleEvaluation,
)
from ml_platform.models.ladder import simpler_than
from ml_platform.models.predictor import load_deployed
from ml_platform.models.train import KIND as TRAINED_MODEL
from ml_platform.registry.approvals import APPROVE, asks_for_approval, decision_on
from ml_platform.registry.champion import DEPLOY, champion_ref, rivals_of
from ml_platform.registry.evaluation.key import KIND as EVALUATION
from ml_platform.registry.evaluation.reasons import gate_text, merits, shortfalls
from ml_platform.registry.evaluation.release_rules import (
    anchor_after,
    judge_gates,
    judge_release,
    requirements,
    rule_name,
)
from ml_platform.registry.measured_gates import judge_measured
from ml_platform.registry.parity_gate import require_parity
from ml_platform.registry.rollout import Rollout, begin_rollout, finish_rollout, kept_out, rollout_of
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest, GateResult
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.anchors import anchor_ledger, require_newest
from ml_platform.storage.ledger.lines import LedgerLine
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.refs import move_ref, read_ref
from ml_platform.storage.versions import Version, register_version, version_of

if TYPE_CHECKING:
    from ml_platform.project import Project

Gates = list[GateResult]


def deploy(
    project: Project, model: str, trained_id: str, evaluation_id: str, actor: str, now: datetime
) -> LedgerLine | None:
    """Make a trained model the champion, or the candidate of a rollout, if its evaluation allows it.

    The evaluation must be against champion and anchor of this moment. Gates and release rule are checked again, and the
    predictor must load. Where the model declares a rollout and has a champion, the version enters the first stage.

    Parameters
    ----------
    actor
        Who deploys: a person, or the platform itself.

    Returns
    -------
    The ledger line; None when it is the champion, or the candidate, already.

    Raises
    ------
    ReleaseRefused
        Naming every figure that misses its limit, or what would be served otherwise (`ParityNotProven`).
    StaleEvaluation
        When the evaluation is against another champion, anchor or release rule.
    ApprovalNeeded
        When the declaration asks for approval, and no one approved exactly this trained model.
    ArtifactDamaged
        When the evaluation or the predictor does not match its id.
    EvaluationError
        When trained model or evaluation belong to another model, or the evaluation to another trained model.
    LedgerDamaged
        When the store has a note of a later line of the ledger than the database has.
    """
    require_newest(project)
    trained = project.store.get(TRAINED_MODEL, trained_id)
    evaluation = project.store.get(EVALUATION, evaluation_id)
    current = read_ref(project.database, champion_ref(model))
    if current == trained_id:
        anchor_ledger(project)  # of which the process that deployed it may have been stopped
        return None
    version = register_version(project, model, trained, now)
    if is_candidate(project, version):
        return None
    measured = _require_deployable(project, version, trained, evaluation, current, now)
    online = project.spec.models[model].deployment.online
    if current is None or online is None or not online.rollout:
        return _move(project, version, evaluation, current, actor, now, measured)
    try:
        return begin_rollout(project, version, evaluation.id, online.rollout, actor, now)
    except RefConflict:
        raise ReleaseRefused(model, str(version.number), ["another rollout began at the same moment"]) from None


def promote(project: Project, rollout: Rollout, reason: str, actor: str, now: datetime) -> LedgerLine | None:
    """Make the candidate of a rollout the champion, if its evaluation still allows it.

    Raises
    ------
    ReleaseRefused, StaleEvaluation, ApprovalNeeded, ArtifactDamaged, ArtifactMissing
        As `deploy`. The champion stays.
    """
    require_newest(project)
    version = rollout.version
    trained, evaluation = (
        project.store.get(TRAINED_MODEL, version.id),
        project.store.get(EVALUATION, rollout.evaluation),
    )
    current = read_ref(project.database, champion_ref(version.model))
    measured = _require_deployable(project, version, trained, evaluation, current, now)
    line = _move(project, version, evaluation, current, actor, now, measured, reason)
    finish_rollout(project, rollout, actor, now)
    return line


def is_candidate(project: Project, version: Version) -> bool:
    """Return whether a version is being rolled out."""
    running = rollout_of(project, version.model)
    return running is not None and running.version.id == version.id


def _require_deployable(
    project: Project, version: Version, trained: Artifact, evaluation: Artifact, current: str | None, now: datetime
) -> Gates:
    """Refuse a version that may not be deployed; return the gates that were measured for it."""
    _require_match(project, version, trained, evaluation, current)
    reason = kept_out(project, version)
    missed = [reason] if reason else _shortfalls(project, version, trained, evaluation, current)
    if missed:
        raise ReleaseRefused(version.model, str(version.number), missed)
    predictor = load_deployed(project, trained)
    require_parity(project, version)
    _require_approval(project, version)
    measured = judge_measured(project, version.model, predictor, evaluation, now)
    slow = [gate_text(gate) for gate in measured if not gate.passed]
    if slow:
        raise ReleaseRefused(version.model, str(version.number), slow, measured)
    return measured


def _require_approval(project: Project, version: Version) -> None:
    if not asks_for_approval(project, version.model):
        return
    decision = decision_on(project, version.model, version.id)
    if decision is None:
        raise ApprovalNeeded(version.model, str(version.number))
    if decision.action != APPROVE:
        raise ApprovalNeeded(version.model, str(version.number), decision.actor, decision.reason)


def _require_match(
    project: Project, version: Version, trained: Artifact, evaluation: Artifact, current: str | None
) -> None:
    """Refuse an evaluation that is not about this deployment."""
    about, model = EvaluationManifest.of(evaluation), version.model
    actual = about.id_of(evaluation.inputs, evaluation.objects)
    if actual != evaluation.id:
        raise ArtifactDamaged(f"evaluation {evaluation.short_id}", evaluation.id, actual)
    owners = (TrainedModelManifest.of(trained).model, about.model)
    if owners != (model, model):
        raise EvaluationError(
            f"{model}: trained model {trained.short_id} belongs to {owners[0]}, and evaluation "
            f"{evaluation.short_id} to {owners[1]}. Deploy a version of {model} and its evaluation."
        )
    if evaluation.inputs["trained_model"] != trained.id:
        raise EvaluationError(
            f"{model}: evaluation {evaluation.short_id} is of trained model "
            f"{evaluation.inputs['trained_model'][:12]}, not of {trained.short_id}. Evaluate {trained.short_id}."
        )
    now = {"champion": current, "anchor": rivals_of(project, model, version.id).anchor}
    for role, id in now.items():
        if evaluation.inputs[role] != (id or ""):
            raise StaleEvaluation(version, _moved(role, evaluation, id))


def _moved(role: str, evaluation: Artifact, now: str | None) -> str:
    against = evaluation.inputs[role][:12] or f"no {role}"
    return f"the {role} is {(now or 'unset')[:12]} by now, the evaluation was against {against}"


def _shortfalls(
    project: Project, version: Version, trained: Artifact, evaluation: Artifact, current: str | None
) -> list[str]:
    """Return which gates and comparisons of the present declaration are missed, judged again from the figures."""
    spec, about = project.spec.models[version.model], EvaluationManifest.of(evaluation)
    declared = TrainedModelManifest.of(project.store.get(TRAINED_MODEL, current)).declaration if current else None
    judged = about.release
    required = requirements(spec.release, trained.id, simpler_than(trained), judged)
    judged_lines = {line.other: line for line in judged.compared}
    asked = {(item.other, item.margin) for item in required}
    same_rule = judged.rule == rule_name(TrainedModelManifest.of(trained).declaration, declared)
    if not same_rule or asked - {(other, line.margin) for other, line in judged_lines.items()}:
        raise StaleEvaluation(version, f"the release rule {judged.rule} has changed since the evaluation")
    release = judge_release(judged, required, judged_lines)
    return shortfalls(judge_gates(spec, about.figures), release, about.currency)


def _move(
    project: Project,
    version: Version,
    evaluation: Artifact,
    current: str | None,
    actor: str,
    now: datetime,
    measured: Gates,
    passed: str = "",
) -> LedgerLine | None:
    about = EvaluationManifest.of(evaluation)
    refit = TrainedModelManifest.of(project.store.get(TRAINED_MODEL, version.id)).refit
    reasons = [
        *merits([*about.gates, *measured], about.release, about.currency),
        *([passed] if passed else []),
        *([refit.reason] if refit else []),
    ]
    try:
        line = move_ref(
            project.database,
            champion_ref(version.model),
            expected=current,
            to=version.id,
            at=now,
            actor=actor,
            action=DEPLOY,
            reason="; ".join(reasons) or "no rule asks for more",
            facts=_facts(project, version, evaluation, current)
            | ({"measured": [gate.as_json() for gate in measured]} if measured else {}),
        )
    except RefConflict as conflict:
        if conflict.actual == version.id:
            return None
        raise StaleEvaluation(version, _moved("champion", evaluation, conflict.actual)) from None
    anchor_ledger(project)
    return line


def _facts(project: Project, version: Version, evaluation: Artifact, current: str | None) -> dict[str, Any]:
    before = version_of(project, version.model, current) if current else None
    about = EvaluationManifest.of(evaluation)
    trained = TrainedModelManifest.of(project.store.get(TRAINED_MODEL, version.id))
    refitted = {} if trained.refit is None else {"refit": trained.refit.on, "predictor": trained.deployed_id}
    return {
        **refitted,
        "version": version.number,
        "from_version": before.number if before else None,
        "evaluation": evaluation.id,
        "rule": about.release.rule,
        "anchor": anchor_after(version.id, about.release),
        "figures": about.figures,
        "interval": about.basis.as_json(),
        "currency": about.currency,
    }
