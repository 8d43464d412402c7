"""The shop from its files to its findings: real sources, features, training, scoring and monitoring."""

from __future__ import annotations

import csv
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.drift_episodes import open_findings
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.predictions.score import score_batch, score_days
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.prediction_log import read_predictions
from tests.operations.monitoring.hand_made_world import appoint
from tests.shop_project import open_shop
from tests.worlds import NOW, write_shop_data

MODEL = "late_parcel"
FIRST_DAY = 60  # the day of NOW, counted from the start of the data


def bring_up_to_date(project: Project, now: datetime) -> dict[str, str]:
    """Ingest the sources and build the feature tables; return ids by node."""
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in project.spec.sources}
    for name, table in project.spec.feature_tables.items():
        ids[f"features/{name}"] = build_feature_table(project, name, ids[f"sources/{table.source}"]).artifact.id
    return ids


def score_since_deployment(project: Project, inputs: dict[str, str], now: datetime) -> None:
    """Score every day since the deployment."""
    days = [NOW.date() + timedelta(days=count) for count in range((now - NOW).days + 1)]
    score_days(project, MODEL, inputs, days, now)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with a version in charge since NOW."""
    directory = tmp_path_factory.mktemp("deployed") / "shop"
    project = open_shop(directory)
    write_shop_data(directory)
    snapshot = build_snapshot(project, MODEL, bring_up_to_date(project, NOW), NOW).artifact
    appoint(project, MODEL, train_model(project, MODEL, snapshot.id).artifact, NOW)
    return directory


@pytest.fixture
def shop(deployed: Path, tmp_path: Path) -> Project:
    """A copy of the deployed shop."""
    return open_project(shutil.copytree(deployed, tmp_path / "shop"))


def test_orders_as_before_raise_nothing_and_settled_predictions_have_a_value(shop: Project) -> None:
    now = NOW + timedelta(days=6)
    inputs = bring_up_to_date(shop, now)
    score_since_deployment(shop, inputs, now)
    about = monitor_model(shop, MODEL, inputs, now).artifact.about
    assert (about["verdict"], about["finding"]) == ("stable", None)
    assert open_findings(shop) == []
    realized = about["realized"]
    assert realized["settled"] >= 100
    assert realized["rows"] + realized["without_label"] == realized["settled"]
    assert len(realized["days"]) >= 3
    assert about["metrics"]["auc"] > 0.6


def test_planted_drift_is_detected_in_the_planted_columns_with_a_page_to_look_at(shop: Project) -> None:
    write_shop_data(shop.root, late_from_day=FIRST_DAY)
    now = NOW + timedelta(days=4)
    inputs = bring_up_to_date(shop, now)
    score_since_deployment(shop, inputs, now)
    about = monitor_model(shop, MODEL, inputs, now).artifact.about
    assert about["verdict"] == "drift"
    drifted = {column["column"] for column in about["columns"] if column["drifted"]}
    assert {"orders.amount", "courier_recent.mean_late_1d"} <= drifted
    assert "orders.items" not in drifted
    (finding,) = open_findings(shop, MODEL)
    assert finding.id == about["finding"]
    page = (shop.state / about["report"]).read_text()
    assert "orders.amount" in page
    assert len(page) > 100_000


def test_what_was_logged_is_what_a_later_snapshot_trains_on_to_the_last_bit(shop: Project) -> None:
    scored_at = NOW + timedelta(days=2)
    score_since_deployment(shop, bring_up_to_date(shop, scored_at), scored_at)
    logged = read_predictions(shop, MODEL, NOW - timedelta(hours=1), scored_at)
    later = NOW + timedelta(days=12)
    snapshot = load_snapshot(shop, build_snapshot(shop, MODEL, bring_up_to_date(shop, later), later).artifact.id)
    rows = snapshot.frame.set_index("order_id")
    logged = logged[logged["order_id"].isin(rows.index)].set_index("order_id")
    assert len(logged) > 50
    rows = rows.loc[logged.index]
    assert (rows["effective_time"] == logged["effective_time"]).all()
    features = [name for name in logged.columns if name.startswith(("courier_recent.", "orders."))]
    assert len(features) == 8
    for name in features:
        before, after = logged[name].to_numpy("float64"), rows[name].to_numpy("float64")
        assert np.array_equal(before, after, equal_nan=True), name


def test_an_order_that_was_loaded_a_day_late_is_not_made_up_in_the_past(shop: Project) -> None:
    path = shop.root / "data/orders.csv"
    with path.open(newline="") as file:
        lines = list(csv.reader(file))
    placed = f"{NOW + timedelta(hours=3, minutes=20):%Y-%m-%dT%H:%M:%SZ}"
    on_time = NOW + timedelta(days=1)
    score_since_deployment(shop, bring_up_to_date(shop, on_time), on_time)
    before = read_predictions(shop, MODEL, NOW - timedelta(hours=1), on_time)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*lines, ["late1", "courier_a", placed, 20.0, 2]])
    a_day_later = NOW + timedelta(days=2)
    score_since_deployment(shop, bring_up_to_date(shop, a_day_later), a_day_later)
    after = read_predictions(shop, MODEL, NOW - timedelta(hours=1), a_day_later)
    assert "late1" not in set(after["order_id"])
    first_day = after[after["effective_time"] <= on_time]
    assert sorted(first_day["prediction_id"]) == sorted(before["prediction_id"])
    assert len(after) > len(before) > 20


def test_scoring_in_steps_gives_the_log_that_scoring_at_once_gives(shop: Project, tmp_path: Path) -> None:
    at_once = open_project(shutil.copytree(shop.root, tmp_path / "at_once"))
    day, start = date(2024, 3, 1), NOW
    for hours in (5, 11, 17, 24):
        now = start + timedelta(hours=hours)
        score_batch(shop, MODEL, bring_up_to_date(shop, now), day, now)
    now = start + timedelta(hours=24)
    score_batch(at_once, MODEL, bring_up_to_date(at_once, now), day, now)
    stretch = (start - timedelta(hours=1), start + timedelta(hours=23, minutes=59))
    stepwise, whole = (read_predictions(project, MODEL, *stretch) for project in (shop, at_once))
    assert len(whole) > 20
    columns = [name for name in whole.columns if name != "scored_at"]
    assert stepwise[columns].equals(whole[columns])
