"""What the catalog tells of a model that was trained, deployed, and watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.predictions.score import score_batch
from ml_platform.registry.champion import champion
from ml_platform.reporting.catalog.models import model_facts, model_importances
from ml_platform.reporting.catalog.node_facts import Link
from ml_platform.storage.outputs import record_output
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.shop_project import open_shop

NOW = datetime(2024, 1, 20, tzinfo=UTC)
INPUTS = {"sources/orders": "o", "features/courier_recent": "t"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    """The shop with two versions, and a day of predictions in which amounts have trebled."""
    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", lambda *_: "<html>a page</html>")
    world = hand_made_world(open_shop(tmp_path), monkeypatch, count=1200, seed=5)
    late = world.rows["effective_time"] >= NOW - timedelta(days=3)
    world.rows["orders.amount"] = world.rows["orders.amount"].where(~late, world.rows["orders.amount"] * 3)
    for days, name in (10, "one"), (9, "two"):
        world.appoint("late_parcel", world.train("late_parcel", shop_rows(600, seed=days), name), NOW - timedelta(days))
    return world


def test_a_model_shows_its_champion_and_what_its_trained_model_makes_of_each_column(world: HandMadeWorld) -> None:
    facts = model_facts(world.project, "late_parcel", NOW)
    assert facts.champion is not None
    assert (facts.champion.version, facts.champion.since, facts.versions) == (2, NOW - timedelta(9), 2)
    assert facts.importances_of == "late_parcel@2"
    shares = [feature.importance for feature in facts.features]
    assert sum(share or 0.0 for share in shares) == pytest.approx(1.0)
    assert shares == sorted(shares, key=lambda share: -(share or 0.0))
    amount = {feature.name: feature for feature in facts.features}["orders.amount"]
    assert (amount.of, amount.type, amount.unit) == (Link("sources", "orders", "amount"), "float", "EUR")


def test_importances_are_those_of_the_version_in_charge_at_that_time(world: HandMadeWorld) -> None:
    project = world.project
    then, now = (champion(project, "late_parcel", at=at) for at in (NOW - timedelta(days=9, hours=1), NOW))
    for version, at in (then, NOW - timedelta(days=9, hours=1)), (now, NOW):
        assert version is not None
        artifact = project.store.get("trained_model", version.id).about["importances"]
        assert model_importances(project, "late_parcel", at) == dict(artifact)


def test_a_model_shows_its_predictions_what_they_earned_and_that_it_drifted(world: HandMadeWorld) -> None:
    project = world.project
    for day in range(16, 21):
        score_batch(project, "late_parcel", INPUTS, (datetime(2024, 1, day, tzinfo=UTC)).date(), NOW)
    made = monitor_model(project, "late_parcel", {"sources/deliveries": "d"}, NOW)
    record_output(project.database, "late_parcel/monitoring", "monitoring", made.artifact.id, run="r", at=NOW)
    facts = model_facts(project, "late_parcel", NOW)
    assert facts.monitored is not None
    assert (facts.monitored.verdict, facts.monitored.columns) == ("drift", ("orders.amount",))
    assert (facts.monitored.at, facts.monitored.open_since) == (NOW, NOW)
    realized = made.artifact.about["realized"]
    assert facts.monitored.earned == pytest.approx(sum(day["value"] - day["do_nothing"] for day in realized["days"]))
    assert (facts.last_day, facts.predictions > 0) == ("2024-01-20", True)


def test_a_trained_model_that_is_gone_from_the_store_is_reported(world: HandMadeWorld) -> None:
    version = champion(world.project, "late_parcel", at=NOW)
    assert version is not None
    Path(world.project.store.url, "manifests/trained_model", f"{version.id}.json").unlink()
    facts = model_facts(world.project, "late_parcel", NOW)
    (problem,) = facts.problems
    assert version.id in problem
    assert (facts.importances_of, facts.champion is not None) == ("", True)
