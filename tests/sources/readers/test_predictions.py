"""One model's predictions as another's features: the shop's late_parcel reads what lateness expects of each parcel."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.core.errors import SchemaChanged
from ml_platform.datasets.model_frame import model_frame
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.declarations.data_age import availability_of
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.upstream_versions import check_upstream, versions_in
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import FOREVER, KNOWN, UNTIL, source_versions
from ml_platform.storage.prediction_log import append_predictions, read_predictions
from tests.operations.monitoring.hand_made_world import appoint
from tests.shop_project import open_shop
from tests.worlds import NOW, write_shop_data

UPSTREAM, MODEL = "lateness", "late_parcel"
EXPECTED = """\
spec_version: 1
name: expected
description: How late the model lateness expects each parcel to be.
owner: team:shop
reader: {predictions: lateness}
columns:
  order_id: string
  score: {type: float, unit: min}
"""
ORDER_EXPECTED = """\
spec_version: 1
name: order_expected
description: What was expected of an order.
owner: team:shop
entity: order
source: expected
refresh: 1h
publish_delay: 5m
features:
  minutes: {as_of: score, unit: min}
  version: {as_of: version}
  times: {count: true, windows: [7d]}
"""
COLUMNS = ["order_expected.minutes", "order_expected.version", "order_expected.times_7d"]


FACTS = {"before_first_deployment": 0, "late": 0, "left_out": {}}


def after(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def up_to_date(project: Project, now: datetime, *names: str) -> dict[str, str]:
    """Ingest sources and build the feature tables of them; return ids by node."""
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in names}
    for name, table in project.spec.feature_tables.items():
        if table.source in names:
            ids[f"features/{name}"] = build_feature_table(project, name, ids[f"sources/{table.source}"]).artifact.id
    return ids


def score(project: Project, now: datetime) -> None:
    """Score the upstream model's days since the deployment, as a run at `now` does."""
    days = [NOW.date() + timedelta(days=count) for count in range((now - NOW).days + 1)]
    score_days(project, UPSTREAM, up_to_date(project, now, "orders", "deliveries"), days, now)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with lateness@1 in charge since NOW and lateness@2 for two days from then on."""
    root = tmp_path_factory.mktemp("predicting") / "shop"
    project = open_shop(root)
    write_shop_data(root)
    (root / "sources/expected.yaml").write_text(EXPECTED)
    (root / "features/order_expected.yaml").write_text(ORDER_EXPECTED)
    declared = root / "models/late_parcel.yaml"
    text = declared.read_text().replace("placed_at + 1h", "placed_at + 3h")
    text = text.replace("train: 28d, validate: 7d, test: 14d", "train: 28d, validate: 7d, test: 1d")
    declared.write_text(text.replace("features: [", "features: [order_expected.*, "))
    project = open_project(root)
    for as_of, since in ((NOW, NOW), (NOW - timedelta(days=1), after(48))):
        ids = up_to_date(project, NOW, "orders", "deliveries")
        snapshot = build_snapshot(project, UPSTREAM, ids, as_of).artifact
        appoint(project, UPSTREAM, train_model(project, UPSTREAM, snapshot.id).artifact, since)
    return root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Project:
    return open_project(shutil.copytree(made, tmp_path / "shop"))


def frame_of(project: Project, now: datetime) -> pd.DataFrame:
    ids = up_to_date(project, now, "orders", "deliveries", "expected")
    return model_frame(project, MODEL, ids, NOW - timedelta(days=1), now, now)


def expected_of(
    log: Sequence[Mapping[Any, Any]], order: str, effective: datetime
) -> tuple[float | None, int | None, int]:
    """Go through the whole log for one row: what had been predicted of its order, and could be read at the tick."""
    tick = (effective - timedelta(minutes=5)).replace(minute=0, second=0, microsecond=0)
    seen = [row for row in log if row["order_id"] == order and row["scored_at"] <= tick]
    recent = [row for row in seen if tick - timedelta(days=7) < row["effective_time"] <= tick]
    newest = max(seen, key=lambda row: row["effective_time"], default=None)
    return (newest["score"], newest["version"], len(recent)) if newest else (None, None, len(recent))


def test_the_other_models_frame_holds_exactly_what_had_been_predicted_by_then(shop: Project) -> None:
    for hours in (*range(6), 26.4, 30, 48, 49.2, *range(50, 54)):  # some runs at once, some a day later
        score(shop, after(hours))
        up_to_date(shop, after(hours), "expected")
    frame = frame_of(shop, after(56))
    log = read_predictions(shop, UPSTREAM, NOW - timedelta(days=1), after(56)).to_dict("records")
    places = frame[COLUMNS].astype(object).where(frame[COLUMNS].notna(), None).to_numpy().tolist()
    expected = [
        list(expected_of(log, order, effective))
        for order, effective in zip(frame["order_id"], frame["effective_time"], strict=True)
    ]
    assert places == expected
    versions = [version for _, version, _ in expected]
    assert versions.count(1) > 5
    assert versions.count(2) > 3
    assert versions.count(None) > 20


def test_a_day_that_is_scored_later_is_known_from_then_and_not_before(shop: Project) -> None:
    score(shop, after(72))
    rows = rows_of(shop, after(72))
    assert len(rows) > 50
    assert {row["_event_at"].date().isoformat() for row in rows} == {
        "2024-03-01",
        "2024-03-02",
        "2024-03-03",
        "2024-03-04",
    }
    assert {row[KNOWN] for row in rows} == {micros(after(72))}
    frame = frame_of(shop, after(76))
    seen = frame[frame["order_expected.minutes"].notna()]
    assert len(seen) > 0
    assert seen["effective_time"].min() >= pd.Timestamp(
        after(73)
    )  # the first tick from then on, published at five past


def test_a_second_prediction_is_a_correction_known_from_then(shop: Project) -> None:
    score(shop, after(6))
    before = rows_of(shop, after(7))
    raw = read_predictions(shop, UPSTREAM, NOW - timedelta(hours=1), after(6)).head(1)
    corrected = pa.Table.from_pandas(
        raw.assign(version=2, score=raw["score"] + 100, scored_at=pd.Timestamp(after(30))), preserve_index=False
    )
    append_predictions(shop, UPSTREAM, NOW.date(), "by hand", lambda logged: corrected, {}, FACTS)
    id = raw["prediction_id"][0]
    actual = [row for row in rows_of(shop, after(31)) if row["prediction_id"] == id]
    assert [(row["version"], row[KNOWN], row[UNTIL]) for row in sorted(actual, key=lambda row: row[KNOWN])] == [
        (1, micros(after(6)), micros(after(30))),
        (2, micros(after(30)), FOREVER),
    ]
    assert len(rows_of(shop, after(31))) == len(before) + 1


def test_a_prediction_is_never_known_before_its_batch_run(shop: Project) -> None:
    score(shop, after(6))
    raw = read_predictions(shop, UPSTREAM, NOW - timedelta(hours=1), after(6)).tail(1)
    early = raw.assign(prediction_id="by hand", scored_at=pd.Timestamp(after(-5)))
    rows = pa.Table.from_pandas(early, preserve_index=False)
    append_predictions(shop, UPSTREAM, NOW.date(), "by hand", lambda logged: rows, {}, FACTS)
    (actual,) = [row for row in rows_of(shop, after(7)) if row["prediction_id"] == "by hand"]
    assert actual[KNOWN] == micros(early["effective_time"].iloc[0])


def test_before_the_first_prediction_features_are_null_and_counts_zero(shop: Project) -> None:
    frame = frame_of(shop, NOW)
    assert len(frame) > 20
    assert frame["order_expected.minutes"].isna().all()
    assert (frame["order_expected.times_7d"] == 0).all()
    first, second = (ingest_source(shop, "expected", after(hours)) for hours in (1, 2))
    assert (first.made.artifact.about["rows"], first.made.artifact.id) == (0, second.made.artifact.id)
    assert second.made.reused
    score(shop, after(3))
    known = {row[KNOWN] for row in rows_of(shop, after(4))}
    assert known == {micros(after(3))}


def test_declared_freshness_asks_nothing_of_a_model_that_has_not_predicted_yet(shop: Project) -> None:
    edit(shop, "sources/expected.yaml", "columns:", "freshness: 2h\ncolumns:")
    shop = open_project(shop.root)
    (check,) = ingest_source(shop, "expected", after(1)).checks
    assert (check.name, check.passed) == ("freshness", True)
    score(shop, after(2))
    assert [ingest_source(shop, "expected", after(hours)).checks[0].passed for hours in (3, 5)] == [True, False]


def test_the_predictions_of_another_model_restart_the_log(shop: Project) -> None:
    score(shop, after(6))
    assert rows_of(shop, after(6))
    edit(shop, "models/late_parcel.yaml", "order_expected.*, ", "")
    edit(shop, "sources/expected.yaml", "predictions: lateness", "predictions: late_parcel")
    other = open_project(shop.root)
    assert ingest_source(other, "expected", after(7)).made.artifact.about["rows"] == 0


def test_new_predictions_are_noticed_from_the_outside(shop: Project) -> None:
    rows = []
    for hours in (1, 6):
        score(shop, after(hours))
        rows.append(source_fingerprints(shop, NOW))
    fingerprints = source_fingerprints(shop, NOW)
    assert rows[0]["expected"] != rows[1]["expected"] == fingerprints["expected"]
    assert rows[0]["orders"] == rows[1]["orders"]


def test_a_new_champion_of_the_upstream_is_reported_until_the_model_has_trained_on_its_rows(shop: Project) -> None:
    write_shop_data(shop.root, days=90)
    trained_on(shop, after(0), since=after(1))
    assert problem_of(shop, after(2)) is None  # nothing was predicted yet
    for hours in (24, 100):
        score(shop, after(hours))
    assert problem_of(shop, after(24 * 12)) == (
        "lateness@2 predicts since 2024-03-03T00:00:00.000000Z; late_parcel@1 was trained on no row of lateness"
    )
    trained_on(shop, after(24 * 12), since=after(24 * 12))
    assert problem_of(shop, after(24 * 12)) is None


def test_versions_that_were_trained_on_are_named(shop: Project) -> None:
    """As of day 8 rows to fit end on day 3: two days for labels, one day of test, two more for labels before it."""
    write_shop_data(shop.root, days=90)
    for hours in (24, 120):
        score(shop, after(hours))
    (first, second) = versions(shop, after(24 * 5))
    assert (first.version, first.first, second.version, second.first) == (1, NOW, 2, after(48))
    rows = read_predictions(shop, UPSTREAM, NOW - timedelta(hours=1), after(24 * 5))
    assert [first.rows, second.rows] == rows["version"].value_counts().sort_index().tolist()
    trained_on(shop, after(24 * 8), since=after(24 * 8))  # lateness@2 was scored on day 5
    assert problem_of(shop, after(24 * 8)) == (
        "lateness@2 predicts since 2024-03-03T00:00:00.000000Z; late_parcel@1 was trained on rows of lateness@1"
    )


def test_the_newest_prediction_is_at_worst_a_batch_run_old(shop: Project) -> None:
    assert availability_of(shop.spec, "order_expected").sentence == (
        "lateness predicts at batch runs up to 1h apart + refresh 1h + published 5m after the tick = up to 2h5m old"
    )
    measured = availability_of(shop.spec, "order_expected", delay=timedelta(minutes=3))
    assert measured.worst_age == timedelta(hours=2, minutes=8)


def test_a_class_that_no_version_knows_is_an_error_with_those_that_are_known(shop: Project) -> None:
    name = "models/lateness.yaml"
    text = (shop.root / name).read_text().replace("regression", "multiclass").replace("[ridge]", "[]")
    text = text.replace("expression: minutes_late,", "expression: courier,")
    text = text.replace("[courier_recent.mean_late_7d, courier_recent.last_late_7d, orders.items]", "[orders.items]")
    value = "value:\n  actions: {call: -1, wait: 0}\n  do_nothing: wait\n"
    (shop.root / name).write_text(text[: text.index("value:")] + value + text[text.index("deployment:") :])
    edit(
        shop,
        "sources/expected.yaml",
        "  score: {type: float, unit: min}",
        "  score_courier_b: float\n  score_courier_z: float",
    )
    (shop.root / "features/order_expected.yaml").unlink()
    edit(shop, "models/late_parcel.yaml", "order_expected.*, ", "")
    project = open_project(shop.root)
    ids = up_to_date(project, NOW, "orders", "deliveries")
    snapshot = build_snapshot(project, UPSTREAM, ids, NOW).artifact
    appoint(project, UPSTREAM, train_model(project, UPSTREAM, snapshot.id).artifact, after(48))
    with pytest.raises(SchemaChanged) as caught:
        ingest_source(project, "expected", after(50))
    assert "no version of lateness gives score_courier_z. Its classes are score_courier_a, score_courier_b" in str(
        caught.value
    )
    edit(shop, "sources/expected.yaml", "  score_courier_z: float\n", "")
    project = open_project(shop.root)
    ids = up_to_date(project, after(54), "orders", "deliveries")
    score_days(project, UPSTREAM, ids, [after(54).date()], after(54))
    logged = read_predictions(project, UPSTREAM, NOW, after(54))
    rows = {row["prediction_id"]: row["score_courier_b"] for row in rows_of(project, after(54))}
    assert len(logged) > 3
    assert [rows[id] for id in logged["prediction_id"]] == logged["score.courier_b"].tolist()


# What the tests ask ------------------------------------------------------------


def edit(project: Project, file: str, old: str, new: str) -> None:
    text = (project.root / file).read_text()
    assert old in text
    (project.root / file).write_text(text.replace(old, new))


def micros(instant: Any) -> int:
    return (pd.Timestamp(instant).to_pydatetime() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def rows_of(project: Project, now: datetime) -> Sequence[Mapping[Any, Any]]:
    """Ingest the predictions and return the rows of the log, with the times between which each was known."""
    artifact = ingest_source(project, "expected", now).made.artifact
    with project.engine() as engine:
        return engine.run(source_versions(engine, project.store, artifact, ["prediction_id"], "rows")).to_pylist()


def trained_on(project: Project, as_of: datetime, since: datetime) -> None:
    """Train late_parcel as of an instant and put it in charge."""
    ids = up_to_date(project, as_of, "orders", "deliveries", "expected")
    snapshot = build_snapshot(project, MODEL, ids, as_of).artifact
    appoint(project, MODEL, train_model(project, MODEL, snapshot.id).artifact, since)


def versions(project: Project, now: datetime) -> Any:
    return versions_in(project, "expected", ingest_source(project, "expected", now).made.artifact)


def problem_of(project: Project, now: datetime) -> Any:
    result = check_upstream(project, "expected", versions(project, now))
    assert (result.severity, result.blocks) == ("warn", False)
    return None if result.passed else result.summary["problem"]
