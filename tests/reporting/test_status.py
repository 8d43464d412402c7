"""The status tells how a project stands, from the first day on, and changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.predictions.score import score_batch
from ml_platform.project import Project
from ml_platform.reporting.status import DataStatus, project_status
from ml_platform.sources.checks.results import CheckResult, record_checks
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.outputs import record_output
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import hand_made_world
from tests.shop_project import open_shop

NOW = datetime(2024, 1, 20, tzinfo=UTC)


def test_a_new_project_has_nothing_yet_and_that_is_no_error(tmp_path: Path) -> None:
    status = project_status(open_shop(tmp_path), NOW)
    assert (status.project, status.currency, status.now) == ("shop", "EUR", NOW)
    assert sorted(actual.name for actual in status.sources) == ["deliveries", "orders"]
    assert all((actual.id, actual.rows, actual.failed_checks) == (None, None, ()) for actual in status.sources)
    model = status.models[0]
    assert (model.champion, model.versions, model.predictions, model.monitoring) == (None, 0, 0, None)
    assert (model.findings, status.alerts) == ((), ())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The shop after two versions, some days of predictions, drift, and an alert."""
    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", lambda *_: "<html>a page</html>")
    world = hand_made_world(open_shop(tmp_path), monkeypatch, count=1200, seed=5)
    late = world.rows["effective_time"] >= NOW - timedelta(days=3)
    world.rows["orders.amount"] = world.rows["orders.amount"].where(~late, world.rows["orders.amount"] * 3)
    world.appoint("late_parcel", world.train("late_parcel", shop_rows(600, seed=6), "one"), NOW - timedelta(days=10))
    world.appoint("late_parcel", world.train("late_parcel", shop_rows(600, seed=7), "two"), NOW - timedelta(days=9))
    for day in range(16, 21):
        inputs = {"sources/orders": "o", "features/courier_recent": "t"}
        score_batch(world.project, "late_parcel", inputs, date(2024, 1, day), NOW)
    made = monitor_model(world.project, "late_parcel", {"sources/deliveries": "d"}, NOW)
    database, store = world.project.database, world.project.store
    record_output(database, "late_parcel/monitoring", "monitoring", made.artifact.id, run="r", at=NOW)
    known = ("2024-01-01T00:00:00.000000Z", "2024-01-19T23:00:00.000000Z")
    orders = SourceManifest(source="orders", columns={}, rows=4321, chunks=(), keys_repeat=False, known=known)
    store.add(orders, "key", id="s" * 64)
    record_output(database, "sources/orders", "source", "s" * 64, run="r", at=NOW)
    record_checks(database, "sources/deliveries", [CheckResult("not_null", passed=False)], "r", NOW)
    send_alert(world.project, Alert("k", "It drifted", "A column moved.", "ticket", model="late_parcel"), NOW)
    return world.project


def test_sources_show_rows_newest_instant_and_failed_checks(project: Project) -> None:
    by_source = {source.name: source for source in project_status(project, NOW).sources}
    assert by_source["orders"] == DataStatus("orders", "s" * 64, 4321, "2024-01-19T23:00:00.000000Z", ())
    assert by_source["deliveries"].failed_checks == ("not_null",)


def test_a_model_shows_its_champion_predictions_drift_value_and_findings(project: Project) -> None:
    model = next(actual for actual in project_status(project, NOW).models if actual.name == "late_parcel")
    assert model.champion is not None
    assert (model.champion.version, model.champion.since) == (2, NOW - timedelta(days=9))
    assert (model.champion.actor, model.champion.reason) == ("test", "a test says so")
    assert (model.versions, model.last_day) == (2, "2024-01-20")
    assert model.predictions > model.last_day_predictions >= 0
    assert model.monitoring is not None
    assert (model.monitoring.verdict, model.monitoring.drifted) == ("drift", ("orders.amount",))
    assert model.monitoring.realized is not None
    assert model.monitoring.realized.settled > 0
    assert model.monitoring.report == str(project.state / "reports/late_parcel/2024-01-20.html")
    (finding,) = model.findings
    assert finding.opened_at == NOW


def test_the_champion_of_an_earlier_instant_is_the_one_of_that_time(project: Project) -> None:
    early = project_status(project, NOW - timedelta(days=9, hours=1))
    model = next(actual for actual in early.models if actual.name == "late_parcel")
    assert model.champion is not None
    assert (model.champion.version, model.champion.since) == (1, NOW - timedelta(days=10))
    assert early.clock is not None
    assert "is before the last line of the ledger (2024-01-" in early.clock
    assert project_status(project, NOW).clock is None


def test_the_status_is_plain_json_and_asking_changes_nothing(project: Project) -> None:
    first = json.dumps(project_status(project, NOW).as_json(), allow_nan=False, sort_keys=True)
    second = json.dumps(project_status(project, NOW).as_json(), allow_nan=False, sort_keys=True)
    assert first == second
    read = json.loads(first)
    assert read["alerts"][0]["title"] == "It drifted"
    assert read["models"][0]["name"] == "late_parcel"
    assert read["now"] == "2024-01-20T00:00:00.000000Z"
