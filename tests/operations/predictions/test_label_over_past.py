"""A label that compares what happens after the question with what was known at it, from the snapshot to the outcome."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from ml_platform.audit.explain.explainer import explain
from ml_platform.datasets.leakage.check import check_leaks
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.settled_predictions import settled_predictions
from ml_platform.operations.predictions.score import score_days
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests import customers
from tests.customers import NOW
from tests.operations.monitoring.hand_made_world import appoint
from tests.operations.predictions.test_generated_populations import HOUR, World

MODEL = """\
spec_version: 1
name: grows
description: Does a customer spend more in 14 days after a large basket than before, or buy a larger basket?
owner: team:shop
task: binary
population: {on: baskets, entity: customer, where: amount >= 50, at_most_once_per: 7d}
label:
  source: baskets
  within: 14d
  aggregates:
    spend: {sum: amount}
    larger: {count: true, where: amount > baskets.amount}
  expression: larger > 0 or spend > shopping.spend_14d
features: [shopping.visits_14d]
split: {train: 84d, validate: 28d, test: 42d}
algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 20}}
value: {actions: {call: -4 + label * 9, wait: "0"}, do_nothing: wait}
deployment: {batch: "0 */6 * * * UTC"}
monitoring: {window: 14d, min_rows: 50}
"""
LATER = NOW + timedelta(days=24)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(customers.FILES, "models/grows.yaml", MODEL)
        world = World(tmp_path_factory.mktemp("customers"))
    inputs = world.inputs(NOW)
    snapshot = build_snapshot(world.project, "grows", inputs, NOW).artifact.id
    record_output(world.project.database, "grows/snapshot", "snapshot", snapshot, run="t", at=NOW)
    appoint(world.project, "grows", train_model(world.project, "grows", snapshot).artifact, NOW)
    days = [date(2024, 8, 5) + timedelta(days=count) for count in range(10)]
    score_days(world.project, "grows", world.inputs(LATER), days, LATER)
    return world


def truth(world: World, row: pd.Series) -> bool:
    """The label in loops. A basket is known an hour after it was paid; features are published 10 minutes late."""
    run: datetime = row["effective_time"].to_pydatetime()
    of_customer = [basket for basket in world.baskets if basket["customer"] == row["customer"]]
    after = [float(item["amount"]) for item in of_customer if run < item["paid_at"] <= run + timedelta(days=14)]
    read = (run - timedelta(minutes=10)).replace(minute=0)
    start = read - timedelta(days=14)
    before = [
        float(item["amount"]) for item in of_customer if item["paid_at"] > start and item["paid_at"] + HOUR <= read
    ]
    return any(amount > row["baskets.amount"] for amount in after) or sum(after) > sum(before)


def test_a_snapshot_has_the_label_of_the_loop_and_what_it_was_compared_with(world: World) -> None:
    made = build_snapshot(world.project, "grows", world.inputs(NOW), NOW).artifact
    rows = load_snapshot(world.project, made.id).frame
    assert len(rows) > 100
    assert {"shopping.spend_14d", "baskets.amount"} < set(rows.columns)
    assert rows["label"].nunique() == 2
    assert [bool(label) for label in rows["label"]] == [truth(world, row) for _, row in rows.iterrows()]
    assert all(check.passed for check in check_leaks(world.project, "grows", made.id))


def test_predictions_settle_with_the_label_of_the_loop_and_are_explained(world: World) -> None:
    log = read_predictions(world.project, "grows", NOW - timedelta(days=1), LATER)
    complete = max(row["paid_at"] for row in world.baskets) + HOUR
    settled = log[log["effective_time"] + timedelta(days=14, hours=1) <= complete]
    expected = [truth(world, row) for _, row in settled.iterrows()]
    assert len(settled) > 4
    assert set(expected) == {True, False}
    source = world.inputs(LATER)["sources/baskets"]
    actual = settled_predictions(world.project, "grows", source, LATER).realized
    assert actual.rows == len(settled)
    acted = zip(expected, settled["action"] == "call", strict=True)
    assert actual.value == pytest.approx(sum(-4 + 9 * label for label, call in acted if call))
    for (_, row), label in zip(settled.iterrows(), expected, strict=True):
        explanation = explain(world.project, row["prediction_id"], LATER)
        assert explanation.problems == ()
        assert explanation.holds
        assert {item.name for item in explanation.inputs} >= {"shopping.spend_14d", "baskets.amount"}
        assert all(item.agrees for item in explanation.inputs)
        assert explanation.outcome is not None
        assert explanation.outcome.label is label
