"""A version enters a rollout in place of becoming champion, and who may take it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml_platform.core.errors import NothingToRollBack, RefConflict, ReleaseRefused
from ml_platform.declarations.in_production import Deployment
from ml_platform.models.train import train_model
from ml_platform.project import Project
from ml_platform.registry.champion import champion, rivals_of
from ml_platform.registry.deploy import deploy, promote
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.rollback import roll_back
from ml_platform.registry.rollout import Rollout, begin_rollout, end_rollout, enter_next_stage, rollout_of
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.versions import version_of
from tests.audit.verify.factory import EASY
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.registry.compared import record_parity
from tests.worlds import LATE_PARCEL

pytestmark = pytest.mark.slow

NOON, HOUR = datetime(2024, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)
MODEL = "late_parcel"
STAGES: list[dict[str, Any]] = [{"shadow": "1d"}, {"canary": 0.1, "for": "2d", "max_latency": "20ms"}]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Return a project whose model declares a rollout, and whose versions may all follow each other."""
    keep_snapshots(monkeypatch, {f"s{seed}": snapshot(seed=10 * seed) for seed in range(3)})
    opened = shop_project(tmp_path, models__late_parcel=LATE_PARCEL.replace("deployment:", EASY + "deployment:"))
    declared = Deployment.model_validate({"batch": "0 * * * * UTC", "online": {"rollout": STAGES}})
    model = opened.spec.models[MODEL].model_copy(update={"deployment": declared})
    return Project(replace(opened.spec, models={**opened.spec.models, MODEL: model}))


def release(project: Project, snapshot_id: str, now: datetime) -> tuple[Artifact, LedgerLine | None]:
    """Train, evaluate and deploy a version."""
    trained = train_model(project, MODEL, snapshot_id).artifact
    current = champion(project, MODEL)
    anchor = rivals_of(project, MODEL, trained.id).anchor if current else None
    evaluated = evaluate_model(
        project, MODEL, trained.id, snapshot_id, current.id if current else None, anchor
    ).artifact
    record_parity(project, MODEL, trained.id, now)
    return trained, deploy(project, MODEL, trained.id, evaluated.id, "ada", now)


def running(project: Project) -> Rollout:
    rollout = rollout_of(project, MODEL)
    assert rollout is not None
    return rollout


def test_the_second_version_goes_through_the_stages_and_is_champion_after_them(project: Project) -> None:
    first, line = release(project, "s0", NOON)
    assert line is not None
    assert (line.action, rollout_of(project, MODEL)) == ("deploy", None)  # the first has nobody to be compared with
    second, line = release(project, "s1", NOON + HOUR)
    assert line is not None
    assert (line.action, line.ref) == ("begin rollout", f"rollout/{MODEL}")
    assert champion(project, MODEL).id == first.id
    assert running(project).version.id == second.id
    assert [stage.kind for stage in running(project).stages] == ["shadow", "canary"]
    assert deploy(project, MODEL, second.id, running(project).evaluation, "ada", NOON + 2 * HOUR) is None
    enter_next_stage(project, running(project), "its time is over", "ada", NOON + 3 * HOUR)
    assert (running(project).stage.share, running(project).entered.at) == (0.1, NOON + 3 * HOUR)
    assert running(project).stage.latency_limit(1.0) == 20_000.0
    line = promote(project, running(project), "it earned more", "ada", NOON + 4 * HOUR)
    assert line is not None
    assert (line.action, line.to_value) == ("deploy", second.id)
    assert line.reason.endswith("it earned more")
    assert champion(project, MODEL).id == second.id
    assert rollout_of(project, MODEL) is None
    actions = [line.action for line in ledger_lines(project.database, f"rollout/{MODEL}")]
    assert actions == ["begin rollout", "next stage", "finish rollout"]


def test_a_rollback_ends_the_rollout_first_and_its_version_stays_out(project: Project) -> None:
    first, _ = release(project, "s0", NOON)
    second, _ = release(project, "s1", NOON + HOUR)
    evaluation = running(project).evaluation
    third = train_model(project, MODEL, "s2").artifact
    other = evaluate_model(project, MODEL, third.id, "s2", first.id, first.id).artifact
    with pytest.raises(ReleaseRefused, match="late_parcel@2 is a candidate in stage 1 of 2, shadow for 1d, and one"):
        deploy(project, MODEL, third.id, other.id, "ada", NOON + HOUR)
    line = roll_back(project, MODEL, actor="ada", reason="It is slow.", now=NOON + 2 * HOUR)
    assert (line.action, line.facts["from_version"], champion(project, MODEL).id) == ("end rollout", 2, first.id)
    with pytest.raises(ReleaseRefused, match=r"its rollout was ended: It is slow\."):
        deploy(project, MODEL, second.id, evaluation, "ada", NOON + 3 * HOUR)
    record_parity(project, MODEL, third.id, NOON + 3 * HOUR)
    begun = deploy(project, MODEL, third.id, other.id, "ada", NOON + 3 * HOUR)
    assert begun is not None
    assert begun.facts["candidate"] == 3


def test_a_rollback_that_cannot_be_made_leaves_the_rollout_as_it_is(project: Project) -> None:
    release(project, "s0", NOON)
    second, _ = release(project, "s1", NOON + HOUR)
    before = ledger_lines(project.database)
    version = version_of(project, MODEL, second.id)
    with pytest.raises(NothingToRollBack, match="late_parcel@2 was not champion before"):
        roll_back(project, MODEL, to=version, actor="ada", reason="It is slow.", now=NOON + 2 * HOUR)
    assert ledger_lines(project.database) == before
    assert running(project).version == version


def test_of_two_that_move_a_candidate_at_once_one_is_refused(project: Project) -> None:
    release(project, "s0", NOON)
    release(project, "s1", NOON + HOUR)
    seen = running(project)
    enter_next_stage(project, seen, "its time is over", "one", NOON + 2 * HOUR)
    with pytest.raises(RefConflict):
        end_rollout(project, seen, "too slow", "two", NOON + 2 * HOUR)
    with pytest.raises(RefConflict):
        begin_rollout(project, seen.version, seen.evaluation, seen.stages, "three", NOON + 2 * HOUR)
    assert running(project).number == 1


def test_a_process_that_is_stopped_between_both_moves_leaves_a_champion_and_no_candidate(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(project, "s0", NOON)
    second, _ = release(project, "s1", NOON + HOUR)
    with monkeypatch.context() as patch:
        patch.setattr("ml_platform.registry.deploy.finish_rollout", lambda *_: None)
        promote(project, running(project), "", "ada", NOON + 2 * HOUR)
    assert champion(project, MODEL).id == second.id
    assert rollout_of(project, MODEL) is None
    third, line = release(project, "s2", NOON + 3 * HOUR)
    assert line is not None
    assert (line.action, running(project).version.id) == ("begin rollout", third.id)
