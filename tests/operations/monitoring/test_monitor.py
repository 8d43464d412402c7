"""Monitoring finds planted drift, stays quiet without it, and says what settled predictions earned."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from sklearn.metrics import roc_auc_score

from ml_platform.cli.status import print_status
from ml_platform.core.errors import BrokenInput, NotMaterialized
from ml_platform.core.statistics.histograms import count_values
from ml_platform.core.statistics.ranking import auc
from ml_platform.models.decision import Decision
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.alerts import send_alert
from ml_platform.operations.monitoring import settled_predictions
from ml_platform.operations.monitoring.drift_episodes import open_findings
from ml_platform.operations.monitoring.monitor import monitor_model, report_path
from ml_platform.operations.monitoring.reference import reference_of
from ml_platform.operations.monitoring.unlearned import unlearned_alerts
from ml_platform.operations.predictions.score import score_batch
from ml_platform.project import open_project
from ml_platform.registry.champion import champion
from ml_platform.reporting.catalog.models import model_facts
from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.reporting.overview.worth import realized_worth
from ml_platform.sources.checks.results import CheckResult, record_checks
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests.models.rows import shop_rows
from tests.operations.monitoring.findings import all_findings
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.shop_project import open_shop

MODEL = "late_parcel"
DEPLOYED = datetime(2024, 1, 2, tzinfo=UTC)
NOW = datetime(2024, 1, 20, tzinfo=UTC)
INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
INPUTS = {"sources/deliveries": "deliveries1", f"{MODEL}/predictions": "log1", f"{MODEL}/snapshot": "snapshot1"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    """The shop with one version in charge and some 40 orders a day, drawn as the training rows were."""
    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", lambda *_: "<html>a page</html>")
    world = hand_made_world(open_shop(tmp_path), monkeypatch, count=1200, seed=5)
    world.appoint(MODEL, world.train(MODEL, shop_rows(1000, seed=6), "reference"), DEPLOYED)
    return world


def score_until(world: HandMadeWorld, now: datetime, orders: str = "orders1") -> None:
    inputs = {"sources/orders": orders, "features/courier_recent": "table1"}
    for day in range(15, now.day + 1):
        score_batch(world.project, MODEL, inputs, date(2024, 1, day), now)


def champion_id(world: HandMadeWorld) -> str:
    version = champion(world.project, MODEL)
    assert version is not None
    return version.id


def monitor(world: HandMadeWorld, now: datetime = NOW) -> Materialized:
    score_until(world, now)
    return monitor_model(world.project, MODEL, INPUTS, now)


def about(made: Materialized) -> dict[str, Any]:
    return dict(made.artifact.about)


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


def test_realized_value_and_metrics_agree_with_a_naive_sum_over_settled_predictions(world: HandMadeWorld) -> None:
    details = about(monitor(world))
    horizon = timedelta(days=2)
    rows = read_predictions(world.project, MODEL, NOW - horizon - timedelta(days=3), NOW)
    settled = [row for row in rows.to_dict("records") if row["effective_time"] + horizon <= NOW]
    earned = [(-4 + 9 * world.labels[row["order_id"]]) * (row["action"] == "upgrade") for row in settled]
    expected = [row["expected_value"] for row in settled]
    realized = details["realized"]
    assert (realized["settled"], realized["rows"], realized["without_label"]) == (len(settled), len(settled), 0)
    assert realized["waiting"] == len(rows) - len(settled) > 0
    assert realized["value"] == pytest.approx(sum(earned))
    assert realized["expected"] == pytest.approx(sum(expected), abs=1e-5)
    assert (realized["do_nothing"], realized["uplift"]) == (0.0, realized["value"])
    assert sum(day["value"] for day in realized["days"]) == pytest.approx(realized["value"])
    truth = pd.Series([float(world.labels[row["order_id"]]) for row in settled])
    assert details["metrics"]["auc"] == auc(truth.to_numpy(), pd.Series([row["score"] for row in settled]).to_numpy())


def test_rows_that_were_scored_late_are_neither_in_the_drift_window_nor_in_the_metrics(world: HandMadeWorld) -> None:
    # A third of the rows came late, with amounts that no row of the reference has.
    late = pd.Series(range(len(world.rows))) % 3 == 0
    world.rows = world.rows.reset_index(drop=True).assign(late=late)
    world.rows["orders.amount"] = world.rows["orders.amount"].where(~late, 5000.0)
    details = about(monitor(world))
    rows = read_predictions(world.project, MODEL, NOW - timedelta(days=5), NOW)
    in_time = rows[~rows["late"]]
    assert details["verdict"] == "stable"
    assert details["rows"] == (in_time["effective_time"] > NOW - timedelta(days=3)).sum() < len(in_time)
    settled = in_time[in_time["effective_time"] + timedelta(days=2) <= NOW]
    truth = settled["order_id"].map(world.labels).astype(float)
    assert details["metrics"]["auc"] == pytest.approx(roc_auc_score(truth, settled["score"]))
    assert details["realized"]["late"] > 0


def test_the_sum_since_deployment_is_over_the_whole_log_and_both_sums_name_their_batch_runs(
    world: HandMadeWorld,
) -> None:
    details = about(monitor(world))
    horizon = timedelta(days=2)
    rows = read_predictions(world.project, MODEL, DEPLOYED, NOW).to_dict("records")
    settled = [row for row in rows if row["effective_time"] + horizon <= NOW]
    earned = sum((-4 + 9 * world.labels[row["order_id"]]) * (row["action"] == "upgrade") for row in settled)
    window, since = details["realized"], details["realized_since"]
    assert since["value"] == pytest.approx(earned)
    assert (since["settled"], since["waiting"]) == (len(settled), len(rows) - len(settled))
    assert since["settled"] >= window["settled"] > 0
    # The log begins on 15 January, 13 days after the deployment; monitoring looks at 3 days, labels settle after 2.
    assert (since["start"], since["end"]) == ("2024-01-15T00:00:00.000000Z", "2024-01-18T00:00:00.000000Z")
    assert (window["start"], window["end"]) == ("2024-01-15T00:00:00.000000Z", "2024-01-18T00:00:00.000000Z")
    later = about(monitor(world, NOW + timedelta(days=1)))
    assert later["realized"]["start"] == "2024-01-16T00:00:00.000000Z"
    assert later["realized_since"]["start"] == "2024-01-15T00:00:00.000000Z"
    assert later["realized_since"]["settled"] > later["realized"]["settled"]


def test_the_days_since_deployment_are_whole_and_add_up_where_windows_meet_within_a_day(world: HandMadeWorld) -> None:
    """Each window begins and ends at noon, so that no window has the day between them in full."""
    later = NOW + timedelta(days=3, hours=12)
    since = about(monitor(world, later))["realized_since"]
    rows = read_predictions(world.project, MODEL, DEPLOYED, later).to_dict("records")
    earned: dict[str, float] = {}
    for row in rows:
        if row["effective_time"] + timedelta(days=2) <= later and not row["late"]:
            day = f"{row['effective_time']:%Y-%m-%d}"
            gain = (-4 + 9 * world.labels[row["order_id"]]) * (row["action"] == "upgrade")
            earned[day] = earned.get(day, 0.0) + gain
    assert {item["day"]: item["value"] for item in since["days"]} == pytest.approx(earned)
    assert sum(item["value"] for item in since["days"]) == pytest.approx(since["value"])
    assert sum(item["rows"] for item in since["days"]) == since["rows"]


def test_only_the_newest_days_since_deployment_are_kept(world: HandMadeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    every = about(monitor(world))["realized_since"]["days"]
    monkeypatch.setattr(settled_predictions, "DAYS_KEPT", 2)
    later = about(monitor(world, NOW + timedelta(minutes=1)))["realized_since"]
    assert len(every) > 2
    assert [item["day"] for item in later["days"]] == [item["day"] for item in every[-2:]]


def change(world: HandMadeWorld, name: str, before: str, after: str) -> None:
    """Edit a declaration, and open the project again."""
    path = world.project.root / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    world.project = open_project(world.project.root)


def test_amounts_of_two_currencies_are_never_added_up(world: HandMadeWorld) -> None:
    horizon, changed, later = timedelta(days=2), NOW - timedelta(days=1), NOW + timedelta(days=3)
    score_until(world, changed)
    change(world, "project.yaml", "currency: EUR", "currency: JPY")
    change(world, f"models/{MODEL}.yaml", "-4 + label * 9", "-600 + label * 1400")
    made = monitor_model(world.project, MODEL, INPUTS, changed)
    rows = read_predictions(world.project, MODEL, DEPLOYED, changed).to_dict("records")
    settled = [row for row in rows if row["effective_time"] + horizon <= changed]
    earned = sum((-4 + 9 * world.labels[row["order_id"]]) * (row["action"] == "upgrade") for row in settled)
    assert (about(made)["currency"], about(made)["realized_since"]["value"]) == ("EUR", pytest.approx(earned))
    record_output(world.project.database, f"{MODEL}/monitoring", "monitoring", made.artifact.id, run="r", at=changed)
    shown = model_overview(world.project, MODEL, changed).worth
    assert shown is not None
    assert (shown.unit, world.project.spec.file.currency) == ("EUR", "JPY")
    world.appoint(MODEL, world.train(MODEL, shop_rows(900, seed=8), "in yen"), changed, currency="JPY")
    score_until(world, later)
    details = about(monitor_model(world.project, MODEL, INPUTS, later))
    rows = read_predictions(world.project, MODEL, DEPLOYED, later).to_dict("records")
    settled = [row for row in rows if row["effective_time"] + horizon <= later]
    in_yen = [row for row in settled if row["version"] == 2]
    assert 0 < len(in_yen) < len(settled)
    earned = sum((-600 + 1400 * world.labels[row["order_id"]]) * (row["action"] == "upgrade") for row in in_yen)
    assert (details["currency"], details["realized_since"]["settled"]) == ("JPY", len(in_yen))
    assert details["realized_since"]["value"] == pytest.approx(earned)
    assert details["realized_since"]["start"] == min(row["effective_time"] for row in in_yen).strftime(INSTANT)


def test_a_currency_that_gets_another_name_keeps_all_amounts(world: HandMadeWorld) -> None:
    in_euros = about(monitor(world))
    change(world, "project.yaml", "currency: EUR", "currency: USD")
    renamed = about(monitor_model(world.project, MODEL, INPUTS, NOW))
    assert (in_euros["currency"], renamed["currency"]) == ("EUR", "USD")
    assert renamed["realized_since"] == in_euros["realized_since"]


def test_a_label_that_never_came_is_counted_and_valued_at_nothing(world: HandMadeWorld) -> None:
    whole = about(monitor(world))["realized"]
    settled = read_predictions(world.project, MODEL, NOW - timedelta(days=5), NOW - timedelta(days=2))
    gone = settled["order_id"].iloc[0]
    world.labels = {order: label for order, label in world.labels.items() if order != gone}
    other_labels = {**INPUTS, "sources/deliveries": "deliveries2"}
    realized = about(monitor_model(world.project, MODEL, other_labels, NOW))["realized"]
    assert (realized["settled"], realized["without_label"]) == (whole["settled"], 1)
    assert realized["rows"] == whole["rows"] - 1


def test_expected_value_rests_on_the_decision_of_the_version_that_predicted(world: HandMadeWorld) -> None:
    decision = Decision.declared(world.project.spec.models[MODEL].value, "orders")
    details = about(monitor(world))
    rows = read_predictions(world.project, MODEL, NOW - timedelta(days=5), NOW - timedelta(days=2))
    value = decision.value(rows, rows["order_id"].map(world.labels), rows["action"])
    assert details["realized"]["value"] == pytest.approx(float(value.sum()))


def test_the_expected_gain_is_over_what_doing_nothing_was_expected_to_earn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is the payoff of the declaration, weighted by the logged probability."""
    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", lambda *_: "<html>a page</html>")
    open_shop(tmp_path)
    declared = tmp_path / "models/late_parcel.yaml"
    declared.write_text(declared.read_text().replace("wait: 0", "wait: -2 - label * 3"))
    world = hand_made_world(open_project(tmp_path), monkeypatch, count=1200, seed=5)
    world.appoint(MODEL, world.train(MODEL, shop_rows(1000, seed=6), "reference"), DEPLOYED)
    made = monitor(world)
    rows = read_predictions(world.project, MODEL, NOW - timedelta(days=5), NOW - timedelta(days=2))
    expected = [
        max(-4 + 9 * score, -2 - 3 * score) - (-2 - 3 * score) for score in rows["score"]
    ]  # the better of both actions, less waiting
    sums = MonitoringManifest.of(made.artifact).realized
    assert sums is not None
    assert sums.expected_gain == pytest.approx(sum(expected))
    assert sum(day.expected_gain or 0.0 for day in sums.days) == pytest.approx(sum(expected))
    assert sums.do_nothing == sum(-2 - 3 * world.labels[order] for order in rows["order_id"])
    worth = realized_worth(sums, "EUR")
    assert worth is not None
    assert worth.expected == sums.expected_gain


def test_where_doing_nothing_earns_the_same_for_each_label_nothing_more_is_kept(world: HandMadeWorld) -> None:
    realized = about(monitor(world))["realized"]
    assert "expected_nothing" not in realized
    assert all("expected_nothing" not in day for day in realized["days"])


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
