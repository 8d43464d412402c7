"""An earlier champion takes over, and what was rolled back stays out."""

from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.core.errors import ApprovalWithoutReason, ArtifactDamaged, NothingToRollBack, ReleaseRefused
from ml_platform.models.train import train_model
from ml_platform.registry.champion import anchor, champion, champions, rivals_of
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.rollback import roll_back
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.versions import version_of
from tests.audit.verify.factory import EASY
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.worlds import LATE_PARCEL

pytestmark = pytest.mark.slow

NOON, HOUR = datetime(2024, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)
MODEL = "late_parcel"


@pytest.fixture
def deployed(tmp_path, monkeypatch):
    """Return a project and three trained models that were champion one after the other, each an hour later."""
    keep_snapshots(monkeypatch, {f"s{seed}": snapshot(seed=10 * seed) for seed in range(3)})
    project = shop_project(tmp_path, models__late_parcel=LATE_PARCEL.replace("deployment:", EASY + "deployment:"))
    trained, current = [], None
    for number in range(3):
        item = train_model(project, MODEL, f"s{number}").artifact
        _deploy(project, item, current, NOON + number * HOUR, f"s{number}")
        trained.append(item)
        current = item.id
    return project, trained


def _deploy(project, trained, current, now, snapshot_id):
    rival = rivals_of(project, MODEL, trained.id).anchor if current else None
    evaluation = evaluate_model(project, MODEL, trained.id, snapshot_id, current, rival).artifact
    return deploy(project, MODEL, trained.id, evaluation.id, "ada@shop.example", now)


def _back(project, now, **more):
    return roll_back(project, MODEL, actor="ada@shop.example", reason="it refuses all parcels", now=now, **more)


def test_each_rollback_goes_one_champion_back_until_there_is_none(deployed):
    project, (first, second, third) = deployed
    line = _back(project, NOON + 3 * HOUR)
    assert (champion(project, MODEL).id, line.from_value, line.to_value) == (second.id, third.id, second.id)
    _back(project, NOON + 4 * HOUR)
    assert champion(project, MODEL).id == first.id
    with pytest.raises(NothingToRollBack, match="no other version was champion before"):
        _back(project, NOON + 5 * HOUR)
    at = [NOON + number * HOUR for number in range(5)]
    assert [version.id for version in champions(project, MODEL, at).values()] == [
        first.id,
        second.id,
        third.id,
        second.id,
        first.id,
    ]
    assert [line.action for line in ledger_lines(project.database)] == ["deploy"] * 3 + ["roll back"] * 2


def test_the_anchor_is_what_it_was_before(deployed):
    project, _ = deployed
    before = [anchor(project, MODEL, NOON + number * HOUR).id for number in range(3)]
    _back(project, NOON + 3 * HOUR)
    assert anchor(project, MODEL).id == before[1]


def test_what_was_rolled_back_is_not_deployed_by_the_next_run_and_a_person_can_bring_it_back(deployed):
    project, (_, second, third) = deployed
    _back(project, NOON + 3 * HOUR)
    with pytest.raises(ReleaseRefused, match="it was rolled back"):
        _deploy(project, third, second.id, NOON + 4 * HOUR, "s2")
    assert champion(project, MODEL).id == second.id
    _back(project, NOON + 5 * HOUR, to=version_of(project, MODEL, third.id))
    assert champion(project, MODEL).id == third.id


def test_the_evaluation_of_a_champion_that_came_back_is_the_one_it_was_deployed_by(deployed):
    project, (first, second, third) = deployed
    before = rivals_of(project, MODEL, third.id)
    _back(project, NOON + 3 * HOUR)
    assert rivals_of(project, MODEL, second.id).champion == first.id
    _back(project, NOON + 4 * HOUR, to=version_of(project, MODEL, third.id))
    assert rivals_of(project, MODEL, third.id) == before


def test_a_version_that_cannot_be_loaded_does_not_take_over(deployed):
    project, (_, second, third) = deployed
    stored = second.objects["predictor/trees.txt"]
    path = project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ArtifactDamaged):
        _back(project, NOON + 3 * HOUR)
    assert champion(project, MODEL).id == third.id


def test_a_rollback_needs_a_reason_and_a_version_that_was_champion(deployed):
    project, (_, _, third) = deployed
    with pytest.raises(ApprovalWithoutReason):
        roll_back(project, MODEL, actor="ada@shop.example", reason=" ", now=NOON)
    with pytest.raises(NothingToRollBack, match="is champion now"):
        _back(project, NOON + 3 * HOUR, to=version_of(project, MODEL, third.id))
