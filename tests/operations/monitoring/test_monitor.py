"""Monitoring finds planted drift, stays quiet without it, and reports what it compared."""

from __future__ import annotations

import gzip
import io
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from ml_platform.cli.status import print_status
from ml_platform.core.errors import BrokenInput, NotMaterialized
from ml_platform.core.statistics.histograms import count_values
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.alerts import send_alert
from ml_platform.operations.monitoring.drift_episodes import open_findings
from ml_platform.operations.monitoring.monitor import monitor_model, report_path
from ml_platform.operations.monitoring.reference import reference_of
from ml_platform.operations.monitoring.unlearned import unlearned_alerts
from ml_platform.operations.predictions.score import score_batch
from ml_platform.registry.champion import champion
from ml_platform.reporting.catalog.models import model_facts
from ml_platform.sources.checks.results import CheckResult, record_checks
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests.models.rows import shop_rows
from tests.operations.monitoring.findings import all_findings
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.operations.monitoring.monitored_shop import DEPLOYED, INPUTS, MODEL, NOW, about, monitor, score_until
from tests.shop_project import open_shop


def champion_id(world: HandMadeWorld) -> str:
    version = champion(world.project, MODEL)
    assert version is not None
    return version.id


def amounts_treble(world: HandMadeWorld, since: datetime) -> None:
    late = world.rows["effective_time"] >= since
    world.rows["orders.amount"] = world.rows["orders.amount"].where(~late, world.rows["orders.amount"] * 3)


def test_rows_like_those_of_training_are_stable_and_raise_nothing(world: HandMadeWorld) -> None:
    details = about(monitor(world))
    assert (details["verdict"], details["finding"]) == ("stable", None)
    assert details["rows"] > 50
    assert [column["column"] for column in details["columns"] if column["drifted"]] == []
    assert open_findings(world.project) == []


def test_planted_drift_is_detected_in_the_column_where_it_was_planted(world: HandMadeWorld) -> None:
    amounts_treble(world, since=NOW - timedelta(days=3))
    details = about(monitor(world))
    assert details["verdict"] == "drift"
    assert [column["column"] for column in details["columns"] if column["drifted"]] == ["orders.amount"]
    worst = details["columns"][0]
    assert (worst["what"], worst["verdict"]) == ("position", "drifted")
    assert worst["expected"] == pytest.approx(0.0, abs=0.1)  # the mean normal score of the reference in itself
    assert worst["mean"] - worst["expected"] > worst["threshold"] > 0
    (finding,) = open_findings(world.project)
    assert finding.id == details["finding"]
    assert finding.reason == f"late_parcel@1: {details['reason']}, over {details['rows']} predictions"
    assert details["reason"].startswith("1 of ")
    assert next(iter(finding.facts)) == "orders.amount"
    assert str(finding.facts["orders.amount"]).startswith("position ")


def test_columns_are_the_features_and_the_score_and_never_keys_or_instants(world: HandMadeWorld) -> None:
    details = about(monitor(world))
    roles = {column["column"]: column["role"] for column in details["columns"]}
    assert set(roles) == {
        "courier_recent.parcels_1d",
        "courier_recent.parcels_7d",
        "courier_recent.mean_late_1d",
        "courier_recent.mean_late_7d",
        "courier_recent.late_share_7d",
        "courier_recent.last_late_7d",
        "orders.amount",
        "orders.items",
        "score",
    }
    assert [name for name, role in roles.items() if role == "score"] == ["score"]


def test_one_episode_of_drift_is_one_finding_however_often_it_is_monitored(world: HandMadeWorld) -> None:
    amounts_treble(world, since=NOW - timedelta(days=3))
    ids = {about(monitor(world, NOW + timedelta(hours=hour)))["finding"] for hour in (0, 1, 5)}
    assert len(ids) == 1
    assert len(all_findings(world.project, MODEL)) == 1


def test_drift_that_has_passed_closes_its_finding_after_four_quiet_windows(world: HandMadeWorld) -> None:
    ended = NOW - timedelta(days=1)
    monitored = world.rows["effective_time"]
    early = (monitored >= NOW - timedelta(days=4)) & (monitored < ended)
    world.rows["orders.amount"] = world.rows["orders.amount"].where(~early, 5000.0)
    assert about(monitor(world))["verdict"] == "drift"
    (finding,) = open_findings(world.project)
    later = about(monitor(world, NOW + timedelta(days=3)))
    assert (later["verdict"], later["finding"]) == ("stable", finding.id)
    monitored = world.rows["effective_time"]
    later_rows = world.rows[(monitored > NOW - timedelta(days=15)) & (monitored <= NOW - timedelta(days=4))]
    shifted = {name: later_rows[name] + timedelta(days=18) for name in ("effective_time", "prediction_time")}
    keys = later_rows["order_id"].str.replace("o", "p")
    world.rows = pd.concat([world.rows, later_rows.assign(order_id=keys, **shifted)], ignore_index=True)
    world.labels = dict(zip(world.rows["order_id"], world.rows["label"], strict=True))
    inputs = {"sources/orders": "orders1", "features/courier_recent": "table1"}
    for days in range(8, 13):
        score_batch(world.project, MODEL, inputs, (NOW + timedelta(days=days)).date(), NOW + timedelta(days=12))
    quiet = about(monitor_model(world.project, MODEL, INPUTS, NOW + timedelta(days=12)))
    assert (quiet["verdict"], quiet["finding"]) == ("stable", None)
    (closed,) = all_findings(world.project, MODEL)
    assert (closed.closed_because, closed.closed_at) == ("the drift is gone", NOW + timedelta(days=12))


def test_a_new_champion_is_compared_with_its_training_rows(world: HandMadeWorld) -> None:
    amounts_treble(world, since=NOW - timedelta(days=3))
    assert about(monitor(world))["verdict"] == "drift"
    retrained = shop_rows(1000, seed=9)
    retrained["orders.amount"] *= 3
    world.appoint(MODEL, world.train(MODEL, retrained, "after"), NOW + timedelta(hours=1))
    right_after = about(monitor(world, NOW + timedelta(hours=2)))
    assert (right_after["version"], right_after["verdict"], right_after["finding"]) == (2, "too few rows", None)
    assert right_after["window"]["start"] == "2024-01-20T01:00:00.000000Z"
    later = about(monitor(world, NOW + timedelta(days=3)))
    assert (later["version"], later["verdict"]) == (2, "stable")


def test_without_a_champion_there_is_a_fact_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = hand_made_world(open_shop(tmp_path), monkeypatch)
    details = about(monitor_model(world.project, MODEL, INPUTS, NOW))
    assert (details["verdict"], details["model"]) == ("no version is deployed", MODEL)


def test_without_predictions_there_are_too_few_rows_and_no_page(world: HandMadeWorld) -> None:
    details = about(monitor_model(world.project, MODEL, INPUTS, DEPLOYED))
    assert (details["verdict"], details["rows"], details["report"]) == ("too few rows", 0, None)
    assert details["report_problem"] == "no predictions in the window"
    assert details["realized"]["settled"] == 0


def test_the_same_instant_and_predictions_are_monitored_once(world: HandMadeWorld) -> None:
    first = monitor(world)
    monitored = monitor(world)
    assert (first.reused, monitored.reused, first.artifact.id) == (False, True, monitored.artifact.id)
    later = monitor(world, NOW + timedelta(hours=1))
    assert not later.reused
    assert later.artifact.id != first.artifact.id


def test_the_page_is_kept_in_the_store_and_laid_out_for_a_browser(world: HandMadeWorld) -> None:
    made = monitor(world)
    path = report_path(world.project, MODEL, NOW)
    assert path == world.project.state / "reports/late_parcel/2024-01-20.html"
    assert made.artifact.about["report"] == "reports/late_parcel/2024-01-20.html"
    kept = world.project.store.read(made.artifact.objects["report.html.gz"])
    assert path.read_bytes() == gzip.decompress(kept)
    path.unlink()
    assert monitor(world).reused
    assert path.read_text() == "<html>a page</html>"


def test_a_page_that_cannot_be_made_does_not_stop_the_figures(
    world: HandMadeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("no room")

    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", broken)
    details = about(monitor(world))
    assert (details["verdict"], details["report"], details["report_problem"]) == (
        "stable",
        None,
        "RuntimeError: no room",
    )


def test_broken_labels_stop_monitoring(world: HandMadeWorld) -> None:
    record_checks(world.project.database, "sources/deliveries", [CheckResult("not_null", passed=False)], "run", NOW)
    with pytest.raises(BrokenInput):
        monitor_model(world.project, MODEL, INPUTS, NOW)


def test_labels_must_be_named(world: HandMadeWorld) -> None:
    with pytest.raises(NotMaterialized, match="late_parcel/monitoring: input sources/deliveries does not exist yet"):
        monitor_model(world.project, MODEL, {}, NOW)


def test_the_reference_is_summarised_once(world: HandMadeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor(world)

    def unreadable(*_: object) -> None:
        raise AssertionError("the snapshot was read again")

    monkeypatch.setattr("ml_platform.operations.monitoring.reference.load_snapshot", unreadable)
    assert about(monitor(world, NOW + timedelta(hours=1)))["verdict"] == "stable"


def test_the_reference_holds_all_rows_of_the_snapshot_and_scores_on_rows_that_were_not_fitted(
    world: HandMadeWorld,
) -> None:
    rows = shop_rows(1000, seed=6)
    version = champion(world.project, MODEL)
    assert version is not None
    trained = world.project.store.get("trained_model", version.id)
    reference = reference_of(world.project, trained).drift
    unfitted = load_predictor(world.project, trained).predict(rows.iloc[600:])["score"]
    assert reference.histograms["score"] == count_values(unfitted, reference.histograms["score"].bins)
    amounts = reference.histograms["orders.amount"]
    assert amounts == count_values(rows["orders.amount"], amounts.bins)
    assert reference.days["orders.amount"] in (30, 31)  # 30 days touch 31 days that end at another hour
    assert reference.days["score"] < 20


def test_the_page_draws_the_rows_that_the_verdict_counts(world: HandMadeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def page(reference: object, current: pd.DataFrame, *rest: object) -> str:
        drawn.append(len(current))
        return "<html>a page</html>"

    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", page)
    first = world.project.store.get("trained_model", champion_id(world))
    other = world.train(MODEL, shop_rows(600, seed=7), "newer")
    world.appoint(MODEL, other, NOW - timedelta(days=2))
    world.appoint(MODEL, first, NOW - timedelta(days=1))  # back again: its older predictions are not the window's
    score_until(world, NOW)
    details = about(monitor_model(world.project, MODEL, INPUTS, NOW))
    rows = read_predictions(world.project, MODEL, NOW - timedelta(days=3), NOW)
    assert drawn == [details["rows"]]
    assert 0 < details["rows"] < (rows["version"] == 1).sum()


def assert_a_later_column_alerts_too(world: HandMadeWorld, about: MonitoringManifest) -> None:
    """What a deduplication by table would hide: another column of the table, null for another reason."""
    later = about.but(unlearned_nulls={"orders.amount": 9, "orders.weight": 4, "orders_b.amount": 1})
    raised = unlearned_alerts(world.project, later)
    new = [dict(alert.facts) for alert in raised if send_alert(world.project, alert, NOW + timedelta(days=2)).new]
    assert new == [{"orders.weight": 4}, {"orders_b.amount": 1}]
    raised = unlearned_alerts(world.project, later.but(unlearned_nulls={"orders.weight": 5, "orders_b.amount": 2}))
    assert [set(alert.facts) for alert in raised] == [{"orders.weight"}, {"orders_b.amount"}]
    assert not any(send_alert(world.project, alert, NOW + timedelta(days=3)).new for alert in raised)  # for services


def test_nulls_that_training_never_saw_are_counted_shown_and_alert_once_for_each_table(world: HandMadeWorld) -> None:
    late = world.rows["effective_time"] >= NOW - timedelta(days=1)
    world.rows["orders.amount"] = world.rows["orders.amount"].where(~late)
    made = monitor(world)
    count = about(made)["unlearned_nulls"]["orders.amount"]
    rows = read_predictions(world.project, MODEL, NOW - timedelta(days=3), NOW)
    assert count == rows["orders.amount"].isna().sum() > 0
    alert, *others = unlearned_alerts(world.project, MonitoringManifest.of(made.artifact))
    assert others == []
    assert (alert.key, alert.facts) == (f"unlearned_nulls.{MODEL}@1.orders", {"orders.amount": count})
    assert send_alert(world.project, alert, NOW).new
    assert not send_alert(world.project, alert, NOW + timedelta(days=1)).new
    assert_a_later_column_alerts_too(world, MonitoringManifest.of(made.artifact))
    record_output(world.project.database, f"{MODEL}/monitoring", "monitoring", made.artifact.id, run="r", at=NOW)
    words = f"null where training had no null: orders.amount in {count}"
    facts = model_facts(world.project, MODEL, NOW)
    assert facts.monitored is not None
    assert facts.monitored.unlearned_nulls == words
    shown = Console(width=200, file=io.StringIO())
    print_status(world.project, shown)
    assert words in shown.file.getvalue()  # type: ignore[attr-defined]
