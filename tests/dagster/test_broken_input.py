"""A broken partition stops what depends on it, in the same run and launched alone, and loses nothing."""

from __future__ import annotations

import csv

import dagster as dg
import pytest

from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.storage.outputs import current_output
from ml_platform_dagster.assets.metadata import ungrouped
from tests.dagster.shop import Shop

ORDERS = "sources/orders"
BETWEEN = dg.AssetCheckKey(dg.AssetKey(["sources", "orders"]), "column_values_to_be_between_amount")


@pytest.fixture
def broken(shop: Shop) -> Shop:
    """The shop a day later, with one new order of a negative amount."""
    shop.advance(days=1)
    path = shop.root / "data/orders.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    day = next(row for row in rows if row[2].startswith("2024-03-01"))
    day[3] = "-5.0"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return shop


def test_what_depends_on_it_is_skipped_and_the_failing_row_is_shown(broken: Shop) -> None:
    before = broken.metadata(ORDERS)["id"]
    outcome = broken.run("score_late_parcel")
    assert not outcome.success
    assert "check column_values_to_be_between_amount failed for 1 of 40 rows" in outcome.problems[ORDERS]
    assert "late_parcel/predictions" in broken.done("skipped")
    actual = broken.instance.event_log_storage.get_latest_asset_check_execution_by_key([BETWEEN])[BETWEEN]
    assert actual.status.value == "FAILED"
    assert actual.event is not None
    evaluation = actual.event.dagster_event.asset_check_evaluation_data
    assert evaluation.blocking
    assert "| -5 |" in str(evaluation.metadata["failing rows"].value)
    assert broken.metadata(ORDERS)["id"] == before
    assert current_output(broken.project.database, ORDERS) == ungrouped(before)


def test_what_depends_on_it_refuses_when_launched_alone(broken: Shop) -> None:
    assert not broken.materialize(ORDERS).success
    for name in ("late_parcel/snapshot", "late_parcel/predictions"):
        result = broken.materialize(name)
        assert not result.success
        (failure,) = result.get_step_failure_events()
        assert "input sources/orders failed column_values_to_be_between_amount" in str(failure.step_failure_data.error)


def test_the_same_failure_is_reported_once_a_day(broken: Shop) -> None:
    for _ in range(2):
        assert not broken.run("ingest_sources").success
    log = (broken.project.state / "alerts.log").read_text()
    assert log.count("shop: ingest_sources failed") == 1
    assert "column_values_to_be_between_amount" in log


def test_once_repaired_everything_goes_on(broken: Shop) -> None:
    assert not broken.materialize(ORDERS).success
    path = broken.root / "data/orders.csv"
    path.write_text(path.read_text().replace("-5.0", "5.0"))
    outcome = broken.run("score_late_parcel")
    assert outcome.success, outcome.problems


def test_a_source_that_cannot_be_read_makes_its_models_need_a_person_until_it_can(shop: Shop) -> None:
    shop.advance(days=1)
    path = shop.root / "data/orders.csv"
    text = path.read_text()
    path.write_text("no,columns,of,orders\n1,2,3,4\n")
    assert not shop.materialize(ORDERS).success
    overview = model_overview(shop.project, "late_parcel", shop.project.clock.now())
    assert overview.health == "needs a person"
    (failed,) = [item.what for item in overview.attention if "failed" in item.what]
    assert failed.startswith("sources/orders failed at 2024-03-02 00:00 UTC: ")
    assert "order_id" in failed
    path.write_text(text)
    assert shop.materialize(ORDERS).success
    overview = model_overview(shop.project, "late_parcel", shop.project.clock.now())
    assert not any("failed" in item.what for item in overview.attention)
