"""The registry: which version of each model is champion, and how one becomes it.

The champion is a ref that moves by compare-and-set, and every move is a line in the ledger. Deployment trusts no
verdict: it checks gates and release rule again itself.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import (
    ApprovalNeeded,
    ArtifactDamaged,
    ArtifactMissing,
    EvaluationError,
    LedgerDamaged,
    RefConflict,
    ReleaseRefused,
    StaleEvaluation,
)
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import KIND as TRAINED_MODEL
from ml_platform.models.train import baseline_names
from ml_platform.registry.approvals import APPROVE, asks_for_approval, decision_on
from ml_platform.registry.evaluation.key import KIND as EVALUATION
from ml_platform.registry.evaluation.reasons import merits, shortfalls
from ml_platform.registry.evaluation.release_rules import (
    anchor_after,
    judge_gates,
    judge_release,
    requirements,
    rule_name,
)
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.anchors import anchor_ledger, require_newest
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.refs import move_ref, read_ref, ref_at, ref_history
from ml_platform.storage.versions import Version, register_version, version_of

if TYPE_CHECKING:
    from ml_platform.project import Project


DEPLOY, ROLL_BACK = "deploy", "roll back"


def champion_ref(model: str) -> str:
    """Return the name of the ref that points at a model's champion."""
    return f"champion/{model}"


def champion(project: Project, model: str, at: datetime | None = None) -> Version | None:
    """Return the champion now, or at an instant of the past; None where nothing was deployed by then."""
    name = champion_ref(model)
    id = read_ref(project.database, name) if at is None else ref_at(project.database, name, at)
    return _version(project, model, id)


def champions(project: Project, model: str, instants: Iterable[Any]) -> dict[Any, Version | None]:
    """Return the champion at each of several instants, as `champion` does; the ledger is read once."""
    history = ref_history(project.database, champion_ref(model))
    times = [line.at for line in history]
    values = [None, *(line.to_value for line in history)]
    ids = {instant: values[bisect.bisect_right(times, instant)] for instant in instants}
    found = {id: _version(project, model, id) for id in set(ids.values())}
    return {instant: found[id] for instant, id in ids.items()}


def _version(project: Project, model: str, id: str | None) -> Version | None:
    if id is None:
        return None
    version = version_of(project, model, id)
    if version is None:
        raise LedgerDamaged(None, f"it records {id[:12]} as champion of {model}, but no such version is registered")
    return version


def first_deployed(project: Project, model: str) -> datetime | None:
    """Return when a version of the model was first in charge, or None where none was yet."""
    lines = ledger_lines(project.database, champion_ref(model))
    return lines[0].at if lines else None


@dataclass(frozen=True)
class Rivals:
    """The ids of the trained models that a challenger is compared with; None before the first deployment.

    Attributes
    ----------
    anchor
        The last version that, when it was deployed, earned more than the anchor before it beyond doubt; at first the
        first champion. It stays where it is while champions follow each other, so that small losses cannot add up.
    """

    champion: str | None
    anchor: str | None


def rivals_of(project: Project, model: str, trained_id: str, snapshot_id: str | None = None) -> Rivals:
    """Return champion and anchor that a trained model has to beat; of the champion itself, those before it.

    So the evaluation that a deployment rested on is found again as it was, and not made again. On another snapshot than
    that of this evaluation, the champion is its own rival: a rule is the same version after each retraining, and its
    evaluation on newer rows says whether it still earns more than doing nothing.

    Parameters
    ----------
    snapshot_id
        The snapshot to evaluate on; None for that of the deployment.
    """
    lines = ledger_lines(project.database, champion_ref(model))
    deployed = [number for number, line in enumerate(lines) if line.to_value == trained_id and line.action == DEPLOY]
    if (
        deployed
        and lines[-1].to_value == trained_id
        and snapshot_id in (None, _deployed_on(project, lines[deployed[-1]]))
    ):
        lines = lines[: deployed[-1]]
    return Rivals(lines[-1].to_value, anchor_left_by(lines)) if lines else Rivals(None, None)


def _deployed_on(project: Project, line: LedgerLine) -> str | None:
    """Return the snapshot of the evaluation that a deployment rested on; None where the evaluation is gone."""
    try:
        return project.store.get(EVALUATION, str(line.facts.get("evaluation", ""))).inputs["snapshot"]
    except ArtifactMissing:
        return None


def anchor(project: Project, model: str, at: datetime | None = None) -> Version | None:
    """Return the version that is the anchor now, or was at an instant; None where nothing was deployed by then."""
    lines = [line for line in ledger_lines(project.database, champion_ref(model)) if at is None or line.at <= at]
    return version_of(project, model, anchor_left_by(lines)) if lines else None


def anchor_left_by(lines: Sequence[LedgerLine]) -> str:
    """Return what the last deployment left as the anchor; the first champion where it noted none."""
    return str(lines[-1].facts.get("anchor") or lines[0].to_value)


def deploy(
    project: Project, model: str, trained_id: str, evaluation_id: str, actor: str, now: datetime
) -> LedgerLine | None:
    """Make a trained model the champion, if its evaluation allows it.

    The evaluation must be of this trained model against champion and anchor of this moment. Gates and release rule are
    checked again by the declaration as it is now, and the predictor must load. The champion moves by compare-and-set.

    Parameters
    ----------
    actor
        Who deploys: a person, or the platform itself.

    Returns
    -------
    The ledger line; None when it is the champion already.

    Raises
    ------
    ReleaseRefused
        Naming every figure that misses its limit. The champion stays.
    StaleEvaluation
        When the evaluation is against another champion, anchor or release rule.
    ApprovalNeeded
        When the declaration asks for approval, and nobody approved exactly this trained model.
    ArtifactDamaged
        When the evaluation or the predictor is not what its id says.
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
    _require_match(project, version, trained, evaluation, current)
    if was_rolled_back(project, version):
        raise ReleaseRefused(model, str(version.number), ["it was rolled back; ml-platform rollback names the reason"])
    missed = _shortfalls(project, version, trained, evaluation, current)
    if missed:
        raise ReleaseRefused(model, str(version.number), missed)
    load_predictor(project, trained)
    _require_approval(project, version)
    return _move(project, version, evaluation, current, actor, now)


def was_rolled_back(project: Project, version: Version) -> bool:
    """Return whether a version was champion, and the last that happened to it is that it was rolled back."""
    lines = ledger_lines(project.database, champion_ref(version.model))
    before = [None, *(line.to_value for line in lines)]
    touched = [line for line, old in zip(lines, before, strict=False) if version.id in (line.to_value, old)]
    return bool(touched) and touched[-1].action == ROLL_BACK and touched[-1].to_value != version.id


def _require_approval(project: Project, version: Version) -> None:
    if not asks_for_approval(project, version.model):
        return
    said = decision_on(project, version.model, version.id)
    if said is None:
        raise ApprovalNeeded(version.model, str(version.number))
    if said.action != APPROVE:
        raise ApprovalNeeded(version.model, str(version.number), said.actor, said.reason)


def _require_match(
    project: Project, version: Version, trained: Artifact, evaluation: Artifact, current: str | None
) -> None:
    """Refuse an evaluation that says nothing about this deployment."""
    about, model = EvaluationManifest.of(evaluation), version.model
    found = about.id_of(evaluation.inputs, evaluation.objects)
    if found != evaluation.id:
        raise ArtifactDamaged(f"evaluation {evaluation.short_id}", evaluation.id, found)
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
    required = requirements(spec.release, trained.id, baseline_names(trained), judged)
    found = {line["other"]: line for line in judged["compared"]}
    asked = {(item.other, item.margin) for item in required}
    same_rule = judged["rule"] == rule_name(TrainedModelManifest.of(trained).declaration, declared)
    if not same_rule or asked - {(other, line["margin"]) for other, line in found.items()}:
        raise StaleEvaluation(version, f"the release rule {judged['rule']} has changed since the evaluation")
    release = judge_release(judged, required, found)
    return shortfalls(judge_gates(spec, about.figures), release, about.currency)


def _move(
    project: Project, version: Version, evaluation: Artifact, current: str | None, actor: str, now: datetime
) -> LedgerLine | None:
    about = EvaluationManifest.of(evaluation)
    try:
        line = move_ref(
            project.database,
            champion_ref(version.model),
            expected=current,
            to=version.id,
            at=now,
            actor=actor,
            action=DEPLOY,
            reason="; ".join(merits(about.gates, about.release, about.currency)) or "no rule asks for more",
            facts=_facts(project, version, evaluation, current),
        )
    except RefConflict as conflict:
        if conflict.found == version.id:
            return None
        raise StaleEvaluation(version, _moved("champion", evaluation, conflict.found)) from None
    anchor_ledger(project)
    return line


def _facts(project: Project, version: Version, evaluation: Artifact, current: str | None) -> dict[str, Any]:
    before = version_of(project, version.model, current) if current else None
    about = EvaluationManifest.of(evaluation)
    return {
        "version": version.number,
        "from_version": before.number if before else None,
        "evaluation": evaluation.id,
        "rule": about.release["rule"],
        "anchor": anchor_after(version.id, about.release),
        "figures": about.figures,
        "interval": about.contenders[0]["interval"],
        "currency": about.currency,
    }
