"""A version that needs a person's approval is deployed after it, exactly this one, and not before."""

from __future__ import annotations

import pytest

from ml_platform.core.errors import (
    ApprovalNeeded,
    ApprovalNotAsked,
    ApprovalWithoutReason,
    DeclarationError,
    EvaluationError,
)
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.models.train import train_model
from ml_platform.operations.versions.pending import waiting_version
from ml_platform.project import Project
from ml_platform.registry.approvals import decide, decision_on
from ml_platform.registry.champion import champion, rivals_of
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.reporting.status import project_status
from ml_platform.storage.ledger.anchors import stored_anchors
from ml_platform.storage.ledger.lines import ledger_head, ledger_lines
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import record_output
from ml_platform.storage.versions import Version, register_version, version_of
from tests.audit.verify.factory import EASY
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.registry.test_champion import HOUR, NOON
from tests.worlds import LATE_PARCEL

MODEL = "late_parcel"
ASKS = 'deployment: {batch: "0 * * * * UTC", approval: required}'


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {f"s{seed}": snapshot(seed=10 * seed) for seed in range(2)})
    text = LATE_PARCEL.replace('deployment: {batch: "0 * * * * UTC"}', EASY + ASKS)
    assert ASKS in text
    return shop_project(tmp_path, models__late_parcel=text)


def _candidate(project: Project, snapshot_id: str = "s0") -> tuple[Version, Artifact]:
    """Train, register and evaluate, as the factory does before it deploys."""
    trained = train_model(project, MODEL, snapshot_id).artifact
    rivals = rivals_of(project, MODEL, trained.id)
    made = evaluate_model(project, MODEL, trained.id, snapshot_id, rivals.champion, rivals.anchor)
    evaluation = made.artifact
    record_output(project.database, f"{MODEL}/evaluation", "evaluation", evaluation.id, run="r", at=NOON)
    return register_version(project, MODEL, trained, NOON), evaluation


def _deploy(project: Project, version: Version, evaluation: Artifact):
    return deploy(project, MODEL, version.id, evaluation.id, "the factory", NOON + HOUR)


def test_without_approval_nothing_is_deployed_and_the_error_names_the_command(project):
    version, evaluation = _candidate(project)
    with pytest.raises(ApprovalNeeded) as caught:
        _deploy(project, version, evaluation)
    assert str(caught.value) == (
        "late_parcel@1 is not deployed: it waits for approval: ml-platform approve late_parcel@1 "
        '--reason "...". The champion stays.'
    )
    assert champion(project, MODEL) is None
    assert ledger_lines(project.database) == []


def test_an_approved_version_is_deployed_and_the_ledger_records_who_approved_it_and_why(project):
    version, evaluation = _candidate(project)
    line = decide(project, version, actor="ada", reason="looks right", now=NOON)
    assert (line.action, line.to_value, line.reason, line.actor) == ("approve", version.id, "looks right", "ada")
    assert _deploy(project, version, evaluation) is not None
    assert champion(project, MODEL) == version
    assert [actual.action for actual in ledger_lines(project.database)] == ["approve", "deploy"]
    assert [anchor.head.seq for anchor in stored_anchors(project)] == [1, 2]
    assert [anchor.head for anchor in stored_anchors(project)][-1] == ledger_head(project.database)


def test_an_approval_is_for_one_trained_model_and_no_other(project):
    first, evaluation = _candidate(project)
    second, other = _candidate(project, "s1")
    decide(project, first, actor="ada", reason="looks right", now=NOON)
    with pytest.raises(ApprovalNeeded, match="late_parcel@2 is not deployed"):
        _deploy(project, second, other)
    assert _deploy(project, first, evaluation) is not None


def test_a_rejected_version_stays_out_until_somebody_approves_it(project):
    version, evaluation = _candidate(project)
    decide(project, version, actor="bob", reason="too few parcels", now=NOON, approved=False)
    with pytest.raises(ApprovalNeeded, match="bob rejected it: too few parcels"):
        _deploy(project, version, evaluation)
    decide(project, version, actor="ada", reason="enough by now", now=NOON + HOUR)
    assert decision_on(project, MODEL, version.id).actor == "ada"
    assert _deploy(project, version, evaluation) is not None


def test_an_approval_may_be_taken_back_before_the_deployment(project):
    version, evaluation = _candidate(project)
    decide(project, version, actor="ada", reason="looks right", now=NOON)
    decide(project, version, actor="ada", reason="it does not", now=NOON, approved=False)
    with pytest.raises(ApprovalNeeded):
        _deploy(project, version, evaluation)


def test_an_approval_outweighs_no_gate(project):
    first, evaluation = _candidate(project)
    decide(project, first, actor="ada", reason="looks right", now=NOON)
    _deploy(project, first, evaluation)
    second, _ = _candidate(project, "s1")
    decide(project, second, actor="ada", reason="looks right", now=NOON)
    with pytest.raises(EvaluationError, match="is of trained model"):
        _deploy(project, second, evaluation)


def test_what_waits_is_reported_and_does_not_wait_any_more_after_a_word(project):
    assert waiting_version(project, MODEL) is None
    version, _ = _candidate(project)
    assert waiting_version(project, MODEL) == version
    (status,) = [model for model in project_status(project, NOON).models if model.name == MODEL]
    assert status.waiting == 1
    decide(project, version, actor="bob", reason="no", now=NOON, approved=False)
    assert waiting_version(project, MODEL) is None


def test_a_model_that_asks_for_no_approval_gets_none(project):
    version, _ = _candidate(project)
    other = Version("lateness", 1, version.id, version.snapshot, NOON)
    with pytest.raises(ApprovalNotAsked, match=r"declare deployment: {approval: required} in models/lateness\.yaml"):
        decide(project, other, actor="ada", reason="why not", now=NOON)


@pytest.mark.parametrize(("actor", "reason"), [("ada", " "), ("", "looks right")])
def test_an_approval_names_an_actor_and_a_reason(project, actor, reason):
    version, _ = _candidate(project)
    with pytest.raises(ApprovalWithoutReason):
        decide(project, version, actor=actor, reason=reason, now=NOON)
    assert ledger_lines(project.database) == []


def test_whether_approval_is_asked_for_decides_nothing_that_is_made(project, tmp_path):
    plain = shop_project(tmp_path / "plain")
    for kind in ("snapshot", "trained_model", "predictions", "monitoring"):
        assert deciding_part(project.spec, kind, MODEL) == deciding_part(plain.spec, kind, MODEL)


def test_another_word_than_required_is_a_fault_of_the_declaration(tmp_path):
    text = LATE_PARCEL.replace('deployment: {batch: "0 * * * * UTC"}', ASKS.replace("required", "perhaps"))
    with pytest.raises(DeclarationError, match=r"deployment\.approval"):
        shop_project(tmp_path, models__late_parcel=text)


def test_a_version_keeps_its_number_whether_it_waits_or_not(project):
    version, evaluation = _candidate(project)
    with pytest.raises(ApprovalNeeded):
        _deploy(project, version, evaluation)
    assert version_of(project, MODEL, version.id) == version
