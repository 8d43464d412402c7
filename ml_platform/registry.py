"""The registry: which version of each model is champion, and how one becomes it.

The champion is a ref that moves by compare-and-set, and every move is a line in the ledger. Deployment trusts no
verdict: it checks gates and release rule again itself.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.approval import APPROVE, asks_for_approval, decision_on
from ml_platform.errors import (
    ApprovalNeeded,
    ArtifactDamaged,
    EvaluationError,
    LedgerDamaged,
    RefConflict,
    ReleaseRefused,
)
from ml_platform.evaluation.evaluate import KIND as EVALUATION
from ml_platform.evaluation.evaluate import evaluation_id as identify
from ml_platform.evaluation.judgement import judge_gates, merits, opponents, refusals, rule_name, rule_of
from ml_platform.predictor import load_predictor
from ml_platform.store.anchors import anchor_ledger
from ml_platform.store.ledger import LedgerLine, ledger_lines
from ml_platform.store.manifest import Artifact
from ml_platform.store.refs import move_ref, read_ref, ref_at, ref_history
from ml_platform.training.train import KIND as TRAINED_MODEL
from ml_platform.training.train import baseline_names
from ml_platform.versions import Version, register_version, version_of

if TYPE_CHECKING:
    from ml_platform.project import Project


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
        raise LedgerDamaged(None, f"it says that {id[:12]} was made champion of {model}, which is no version any more")
    return version


def first_deployed(project: Project, model: str) -> datetime | None:
    """Return when a version of the model was first in charge, or None where none was yet."""
    lines = ledger_lines(project.database, champion_ref(model))
    return lines[0].at if lines else None


def champion_to_beat(project: Project, model: str, trained_id: str) -> str | None:
    """Return the id of the champion that a trained model has to beat; of the champion itself, the one it replaced.

    So the evaluation that a deployment rested on is found again as it was, and not made anew.
    """
    lines = ledger_lines(project.database, champion_ref(model))
    if not lines:
        return None
    return lines[-1].from_value if lines[-1].to_value == trained_id else lines[-1].to_value


def deploy(
    project: Project, model: str, trained_id: str, evaluation_id: str, actor: str, now: datetime
) -> LedgerLine | None:
    """Make a trained model the champion, if its evaluation allows it.

    The evaluation must be of this trained model against the champion of this moment. Gates and release rule are
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
    ApprovalNeeded
        When the declaration asks for approval, and nobody approved exactly this trained model.
    ArtifactDamaged
        When the evaluation or the predictor is not what its id says.
    EvaluationError
        When trained model or evaluation belong to another model, or the evaluation to another trained model.
    """
    trained = project.store.get(TRAINED_MODEL, trained_id)
    evaluation = project.store.get(EVALUATION, evaluation_id)
    current = read_ref(project.database, champion_ref(model))
    if current == trained_id:
        anchor_ledger(project)  # of which the process that deployed it may have been stopped
        return None
    version = register_version(project, model, trained, now)
    reasons = _mismatches(model, trained, evaluation, current) or _shortfalls(project, trained, evaluation, current)
    if reasons:
        raise ReleaseRefused(model, str(version.number), reasons)
    load_predictor(project, trained)
    _require_approval(project, version)
    return _move(project, version, evaluation, current, actor, now)


def _require_approval(project: Project, version: Version) -> None:
    if not asks_for_approval(project, version.model):
        return
    said = decision_on(project, version.model, version.id)
    if said is None:
        raise ApprovalNeeded(version.model, str(version.number))
    if said.action != APPROVE:
        raise ApprovalNeeded(version.model, str(version.number), said.actor, said.reason)


def _mismatches(model: str, trained: Artifact, evaluation: Artifact, current: str | None) -> list[str]:
    """Return why an evaluation says nothing about this deployment."""
    found = identify(evaluation.about, evaluation.inputs)
    if found != evaluation.id:
        raise ArtifactDamaged(f"evaluation {evaluation.short_id}", evaluation.id, found)
    if trained.about["model"] != model or evaluation.about["model"] != model:
        raise EvaluationError(
            f"{model}: trained model {trained.short_id} belongs to {trained.about['model']}, and evaluation "
            f"{evaluation.short_id} to {evaluation.about['model']}. Deploy a version of {model} and its evaluation."
        )
    if evaluation.inputs["trained_model"] != trained.id:
        raise EvaluationError(
            f"{model}: evaluation {evaluation.short_id} is of trained model "
            f"{evaluation.inputs['trained_model'][:12]}, not of {trained.short_id}. Evaluate {trained.short_id}."
        )
    if evaluation.inputs["champion"] != (current or ""):
        return [_moved(evaluation, current)]
    return []


def _moved(evaluation: Artifact, current: str | None) -> str:
    against = evaluation.inputs["champion"][:12] or "no champion"
    return f"the champion is {(current or 'unset')[:12]} by now, the evaluation was against {against}. Evaluate again"


def _shortfalls(project: Project, trained: Artifact, evaluation: Artifact, current: str | None) -> list[str]:
    """Return which gates and comparisons of the present declaration are missed, judged anew from the figures."""
    spec, about = project.spec.models[trained.about["model"]], evaluation.about
    declared = project.store.get(TRAINED_MODEL, current).about["declaration"] if current else None
    name = rule_name(trained.about["declaration"], declared)
    rule, judged = rule_of(spec.release, name), about["release"]
    asked = [other for other in opponents(rule, baseline_names(trained)) if other != "champion" or current]
    found = {line["other"]: line for line in judged["compared"]}
    if judged["rule"] != name or judged["margin"] != rule.margin or set(asked) - set(found):
        return [f"the release rule {name} has changed since the evaluation. Evaluate again"]
    lines = [{**found[other], "passed": (found[other]["probability"] or 0.0) >= rule.confidence} for other in asked]
    release = {**judged, "confidence": rule.confidence, "compared": lines}
    return refusals(judge_gates(spec, about["figures"]), release, about["currency"])


def _move(
    project: Project, version: Version, evaluation: Artifact, current: str | None, actor: str, now: datetime
) -> LedgerLine | None:
    about = evaluation.about
    try:
        line = move_ref(
            project.database,
            champion_ref(version.model),
            expected=current,
            to=version.id,
            at=now,
            actor=actor,
            action="deploy",
            reason="; ".join(merits(about["gates"], about["release"], about["currency"])) or "no rule asks for more",
            facts=_facts(project, version, evaluation, current),
        )
    except RefConflict as conflict:
        if conflict.found == version.id:
            return None
        raise ReleaseRefused(version.model, str(version.number), [_moved(evaluation, conflict.found)]) from None
    anchor_ledger(project)
    return line


def _facts(project: Project, version: Version, evaluation: Artifact, current: str | None) -> dict[str, Any]:
    before = version_of(project, version.model, current) if current else None
    return {
        "version": version.number,
        "from_version": before.number if before else None,
        "evaluation": evaluation.id,
        "rule": evaluation.about["release"]["rule"],
        "figures": evaluation.about["figures"],
        "interval": evaluation.about["contenders"][0]["interval"],
        "currency": evaluation.about["currency"],
    }
