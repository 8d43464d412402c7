"""Customers asked about every week, and after large baskets: from snapshot to explanation, against the files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from ml_platform.audit.explain.explainer import explain
from ml_platform.datasets.frame import Frame
from ml_platform.datasets.snapshot.build import build_snapshot, rebuild_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.predictions.due import read_until
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests.customers import NOW, write_customers
from tests.operations.monitoring.hand_made_world import appoint

HOUR, LATER = timedelta(hours=1), NOW + timedelta(days=15)


class World:
    """The project, its inputs at an instant, and its files."""

    def __init__(self, directory: Path) -> None:
        self.project: Project = open_project(write_customers(directory))
        self.baskets = self._read("baskets", "paid_at")
        self.closures = {row["customer"]: row["closed_at"] for row in self._read("closures", "closed_at")}

    def _read(self, name: str, time: str) -> list[dict]:
        with (self.project.root / f"data/{name}.csv").open(newline="") as file:
            return [{**row, time: datetime.fromisoformat(row[time])} for row in csv.DictReader(file)]

    def inputs(self, now: datetime) -> dict[str, str]:
        ids = {}
        for name in ("baskets", "closures"):
            ids[f"sources/{name}"] = ingest_source(self.project, name, now).made.artifact.id
            record_output(self.project.database, f"sources/{name}", "source", ids[f"sources/{name}"], run="t", at=now)
        table = build_feature_table(self.project, "shopping", ids["sources/baskets"]).artifact.id
        return {**ids, "features/shopping": table}

    def members(self, tick: datetime) -> set[str]:
        """Who bought within 56 days and has not left, as known at a tick; features are published 10 minutes late."""
        read = (tick - timedelta(minutes=10)).replace(minute=0, second=0, microsecond=0)
        bought = {
            row["customer"]
            for row in self.baskets
            if row["paid_at"] + HOUR <= read and read - timedelta(days=56) < row["paid_at"] <= read
        }
        gone = {name for name, closed in self.closures.items() if closed + timedelta(days=1) <= tick}
        return bought - gone

    def stays_away(self, customer: str, tick: datetime) -> bool:
        end = tick + timedelta(days=14)
        return not any(row["customer"] == customer and tick < row["paid_at"] <= end for row in self.baskets)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("customers"))
    inputs = world.inputs(NOW)
    for model in ("churn", "next_spend"):
        snapshot = build_snapshot(world.project, model, inputs, NOW).artifact.id
        record_output(world.project.database, f"{model}/snapshot", "snapshot", snapshot, run="t", at=NOW)
        appoint(world.project, model, train_model(world.project, model, snapshot).artifact, NOW)
    days = [date(2024, 8, 5) + timedelta(days=count) for count in range(16)]
    for model in ("churn", "next_spend"):
        score_days(world.project, model, world.inputs(LATER), days, LATER)
    return world


def mondays(first: datetime, last: datetime) -> Iterator[datetime]:
    """Six o'clock on Mondays in New York, in ``(first, last]``."""
    day = first.astimezone(ZoneInfo("America/New_York")).date()
    while True:
        tick = datetime(day.year, day.month, day.day, 6, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
        if tick > last:
            return
        if day.weekday() == 0 and tick > first:
            yield tick
        day += timedelta(days=1)


def logged(world: World, model: str) -> pd.DataFrame:
    return read_predictions(world.project, model, NOW - timedelta(days=1), LATER)


def test_a_snapshot_has_every_member_of_every_tick_with_its_label(world: World) -> None:
    snapshot = world.project.store.get(
        "snapshot", build_snapshot(world.project, "churn", world.inputs(NOW), NOW).artifact.id
    )
    rows = load_snapshot(world.project, snapshot.id).frame
    about = SnapshotManifest.of(snapshot)
    edges = [
        datetime.fromisoformat(getattr(about.boundaries, f"{name}_start")) for name in ("train", "validate", "test")
    ]
    end, settles = datetime.fromisoformat(about.boundaries.end), timedelta(days=14, hours=1)
    # The label of a row must be settled before the next period starts.
    periods = [(edges[0], edges[1] - settles), (edges[1], edges[2] - settles), (edges[2], end)]
    newest = max(row["paid_at"] + HOUR for row in world.baskets if row["paid_at"] + HOUR <= NOW)
    ticks = [tick for first, last in periods for tick in mondays(first, last) if tick + settles <= newest]
    expected = {(name, tick): world.stays_away(name, tick) for tick in ticks for name in world.members(tick)}
    labels = {
        (row["customer"], row["effective_time"].to_pydatetime()): bool(row["label"]) for _, row in rows.iterrows()
    }
    assert len(ticks) == 17
    assert labels == expected
    assert about.dropped["left"] > 0


def test_a_snapshot_that_is_made_in_periods_is_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = world.inputs(NOW)
    whole = rebuild_snapshot(world.project, "churn", inputs, NOW)
    monkeypatch.setattr("ml_platform.datasets.population.ticks.ROWS_AT_ONCE", 150)
    with world.project.engine() as engine:
        frame = Frame(world.project, "churn", inputs, engine)
        assert len(list(frame.periods(NOW - timedelta(days=150), NOW))) > 5
    parts = rebuild_snapshot(world.project, "churn", inputs, NOW)
    assert (parts.id, SnapshotManifest.of(parts)) == (whole.id, SnapshotManifest.of(whole))


def test_predictions_are_made_for_all_members_of_the_ticks(world: World) -> None:
    log = logged(world, "churn")
    ticks = list(mondays(NOW, LATER))
    assert {tick: set(log[log["effective_time"] == tick]["customer"]) for tick in ticks} == {
        tick: world.members(tick) for tick in ticks
    }
    assert set(log["effective_time"]) == set(ticks)
    assert log["question"].is_unique
    assert log["prediction_id"].is_unique


def test_large_baskets_ask_once_in_seven_days(world: World) -> None:
    log, last, expected = logged(world, "next_spend"), dict[str, datetime](), []
    for row in sorted(world.baskets, key=lambda row: (row["paid_at"], row["basket"])):
        known = row["paid_at"] + HOUR
        run = known.replace(hour=known.hour // 6 * 6, minute=0, second=0, microsecond=0)
        run = run if run == known else run + timedelta(hours=6)
        if float(row["amount"]) < 50 or (row["customer"] in last and run - last[row["customer"]] < timedelta(days=7)):
            continue
        last[row["customer"]] = run
        if NOW < run <= LATER:
            expected.append((row["customer"], run, float(row["amount"])))
    actual = zip(log["customer"], log["effective_time"], log["baskets.amount"], strict=True)
    assert sorted(actual) == sorted(expected)
    assert len(expected) > 5


@pytest.mark.parametrize(
    ("model", "asked_by"),
    [
        ("churn", "the customer while shopping.visits_56d > 0"),
        ("next_spend", "the population row"),
    ],
)
def test_a_prediction_is_explained_by_what_asked(world: World, model: str, asked_by: str) -> None:
    log = logged(world, model)
    row = log.iloc[len(log) // 2]
    explanation = explain(world.project, row["prediction_id"], LATER)
    assert explanation.problems == ()
    assert explanation.holds
    assert explanation.from_features is not None
    assert all(item.agrees for item in explanation.inputs)
    assert explanation.asked_by == asked_by
    assert explanation.population is not None
    assert explanation.population.values["customer"] == row["customer"]
    if model == "churn":
        read = row["effective_time"].to_pydatetime() - timedelta(minutes=10)
        read = read.replace(minute=0)
        visits = [
            basket
            for basket in world.baskets
            if basket["customer"] == row["customer"]
            and basket["paid_at"] + HOUR <= read
            and read - timedelta(days=56) < basket["paid_at"]
        ]
        assert explanation.population.values == {"customer": row["customer"], "shopping.visits_56d": len(visits)}


def test_a_day_is_complete_only_when_all_that_decides_the_population_was_read(world: World) -> None:
    baskets = world.inputs(LATER)["sources/baskets"]
    assert read_until(world.project, "churn", LATER + HOUR) == LATER
    record_output(world.project.database, "sources/baskets", "source", baskets, run="t", at=LATER + HOUR)
    assert read_until(world.project, "churn", LATER + HOUR) == LATER
