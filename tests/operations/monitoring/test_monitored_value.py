"""What monitored predictions earned and were expected to earn, against naive sums over the log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml_platform.core.statistics.ranking import auc
from ml_platform.models.decision import Decision
from ml_platform.operations.monitoring import settled_predictions
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.project import open_project
from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.reporting.overview.worth import realized_worth
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.operations.monitoring.monitored_shop import DEPLOYED, INPUTS, MODEL, NOW, about, monitor, score_until
from tests.shop_project import open_shop

INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


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


REPORTS = """\
reader: {csv: data/calls.csv}
key: [prediction_id]
event_timestamp: at
known_at: {delay: 0s}
columns: {prediction_id: string, action: string, at: timestamp}
"""


def test_a_prediction_without_a_report_counts_as_the_default_action_of_its_version(world: HandMadeWorld) -> None:
    """Every second upgrade is reported. Then the default action gets another name, and no new version is deployed."""
    (world.project.root / "sources/calls.yaml").write_text(REPORTS)
    change(world, f"models/{MODEL}.yaml", "do_nothing: wait", "do_nothing: wait\n  taken: calls")
    change(world, f"models/{MODEL}.yaml", "wait: 0", "wait: -1")
    score_until(world, NOW)
    unreported = about(monitor_model(world.project, MODEL, INPUTS, NOW))["realized_since"]
    assert (unreported["reported"], unreported["uplift"]) == (0, 0.0)  # the source has no rows yet
    rows = read_predictions(world.project, MODEL, DEPLOYED, NOW)
    upgraded = rows.loc[(rows["action"] == "upgrade") & (rows.index % 2 == 0), ["prediction_id", "order_id"]]
    lines = [f"{id},upgrade,2024-01-19T00:00:00Z" for id in upgraded["prediction_id"]]
    (world.project.root / "data").mkdir(exist_ok=True)
    (world.project.root / "data/calls.csv").write_text("\n".join(["prediction_id,action,at", *lines, ""]))
    made = ingest_source(world.project, "calls", NOW).made.artifact.id
    inputs = {**INPUTS, "sources/calls": made}
    reported = about(monitor_model(world.project, MODEL, inputs, NOW))["realized_since"]
    settled = rows[rows["effective_time"] <= NOW - timedelta(days=2)]
    earned = [-4 + 9 * world.labels[order] for order in upgraded["order_id"] if order in set(settled["order_id"])]
    assert (reported["rows"], reported["reported"]) == (len(settled), len(earned))
    assert reported["uplift"] == pytest.approx(sum(earned))
    change(world, f"models/{MODEL}.yaml", "wait: -1\n  do_nothing: wait", "rest: -1\n  do_nothing: rest")
    renamed = about(monitor_model(world.project, MODEL, inputs, NOW + timedelta(minutes=1)))["realized_since"]
    assert {**renamed, "end": ""} == {**reported, "end": ""}
