"""Predictions of another model or version as a source: what is reported, and which classes there are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ml_platform.core.errors import SchemaChanged
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.upstream_versions import check_upstream
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.prediction_log import read_predictions
from tests.operations.monitoring.hand_made_world import appoint
from tests.sources.readers.expected_minutes import MODEL, UPSTREAM, after, edit, rows_of, score, up_to_date, versions
from tests.worlds import NOW, write_shop_data


def test_the_predictions_of_another_model_restart_the_log(shop: Project) -> None:
    score(shop, after(6))
    assert rows_of(shop, after(6))
    edit(shop, "models/late_parcel.yaml", "order_expected.*, ", "")
    edit(shop, "sources/expected.yaml", "predictions: lateness", "predictions: late_parcel")
    other = open_project(shop.root)
    assert ingest_source(other, "expected", after(7)).made.artifact.about["rows"] == 0


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


def trained_on(project: Project, as_of: datetime, since: datetime) -> None:
    """Train late_parcel as of an instant and put it in charge."""
    ids = up_to_date(project, as_of, "orders", "deliveries", "expected")
    snapshot = build_snapshot(project, MODEL, ids, as_of).artifact
    appoint(project, MODEL, train_model(project, MODEL, snapshot.id).artifact, since)


def problem_of(project: Project, now: datetime) -> Any:
    result = check_upstream(project, "expected", versions(project, now))
    assert (result.severity, result.blocks) == ("warn", False)
    return None if result.passed else result.summary["problem"]
