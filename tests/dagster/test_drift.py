"""Drift that is planted is found, alerted once, answered by one retraining, and a new version comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.operations.monitoring.drift_episodes import open_findings
from ml_platform.project import open_project
from ml_platform.storage.versions import versions
from ml_platform_dagster.jobs.instance import open_instance
from tests.dagster.conftest import open_copy
from tests.dagster.shop import Shop
from tests.receiver import alert_receiver
from tests.worlds import write_shop, write_shop_data

DRIFT = "alert_and_retrain_on_drift"
DRIFT_FROM_DAY = 60  # the simulated clock stands at the beginning of this day


def tick(shop: Shop, sensor: str, instance: dg.DagsterInstance | None = None) -> dg.SensorResult:
    """Evaluate a sensor as the daemon does."""
    definition = shop.definitions.get_repository_def().get_sensor_def(sensor)
    context = dg.build_sensor_context(
        instance=instance or shop.instance, resources={"project": shop.project}, sensor_name=sensor
    )
    defined = definition(context)
    assert isinstance(defined, dg.SensorResult | dg.SkipReason)
    return dg.SensorResult(skip_reason=defined) if isinstance(defined, dg.SkipReason) else defined


def skipped(outcome: dg.SensorResult) -> str:
    """The reason that a tick shows where it requested nothing."""
    assert not outcome.run_requests
    assert outcome.skip_reason is not None
    return str(outcome.skip_reason.skip_message)


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    with alert_receiver() as receiving:
        yield receiving


@pytest.fixture(scope="module")
def made_drifted(made_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days later: orders have trebled and every courier is an hour later, and monitoring has seen it."""
    with open_copy(made_shop, tmp_path_factory.mktemp("drifted")) as shop:
        write_shop_data(shop.root, late_from_day=DRIFT_FROM_DAY)
        shop.advance(days=4)
        outcome = shop.run("score_late_parcel")
        assert outcome.success, outcome.problems
        return shop.root


@pytest.fixture
def drifted(made_drifted: Path, tmp_path: Path, receiver: tuple[str, list[dict[str, Any]]]) -> Iterator[Shop]:
    """The shop that has drifted, with alerts going to the receiver."""
    with open_copy(made_drifted, tmp_path) as shop:
        shop.edit("project.yaml", "owner: team:shop\n", f"owner: team:shop\nalerts: ['{receiver[0]}']\n")
        yield shop


def test_drift_leads_to_one_alert_one_retraining_and_a_new_version(
    drifted: Shop, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    (finding,) = open_findings(drifted.project)
    ticks = tick(drifted, DRIFT)
    (request,) = ticks.run_requests or ()
    assert (request.job_name, request.run_key) == ("retrain_late_parcel", finding.id)

    job = drifted.definitions.resolve_job_def("retrain_late_parcel")
    job.execute_in_process(instance=drifted.instance, tags=dict(request.tags), raise_on_error=False)
    assert [version.number for version in versions(drifted.project, "late_parcel")] == [1, 2]

    assert tick(drifted, DRIFT).run_requests == []
    with open_instance(drifted.project) as restarted:
        assert tick(drifted, DRIFT, restarted).run_requests == []
    alerts = [message for message in receiver[1] if "has drifted" in message["title"]]
    assert [(alert["title"], alert["type"]) for alert in alerts] == [("shop: late_parcel has drifted", "warning")]
    assert "A retraining is requested." in alerts[0]["message"]
    assert "orders.amount: " in alerts[0]["message"]


def test_every_tick_before_the_run_asks_with_the_same_key(drifted: Shop) -> None:
    keys = set()
    for _ in range(3):
        ticks = tick(drifted, DRIFT)
        keys |= {request.run_key for request in ticks.run_requests or ()}
    assert len(keys) == 1


def test_during_the_cooldown_the_sensor_waits_and_the_alert_does_not_announce_a_retraining(
    drifted: Shop, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    drifted.edit("models/late_parcel.yaml", "cooldown: 2d", "cooldown: 30d")
    ticks = tick(drifted, DRIFT)
    waits = "cooldown of 30d ends at 2024-03-31 00:00 UTC"
    assert waits in skipped(ticks)
    (message,) = [alert["message"] for alert in receiver[1] if "has drifted" in alert["title"]]
    assert f"No retraining is requested now: {waits}." in message


def test_a_model_that_does_not_ask_for_it_is_not_retrained_but_people_are_alerted(
    drifted: Shop, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    drifted.edit("models/late_parcel.yaml", "on: [drift], ", "")
    ticks = tick(drifted, DRIFT)
    assert "does not declare retraining on drift" in skipped(ticks)
    assert any("Run retrain_late_parcel." in message["message"] for message in receiver[1])


def test_without_drift_the_sensor_reports_that(shop: Shop) -> None:
    ticks = tick(shop, DRIFT)
    assert skipped(ticks) == "no drift is open: there is nothing to alert or to retrain"
    assert ticks.cursor == "2024-03-01 00:00 UTC"


# New data, failed runs, and the simulated clock --------------------------------


def new_data(shop: Shop, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    definition = shop.definitions.get_repository_def().get_sensor_def("ingest_new_source_data")
    context = dg.build_sensor_context(instance=shop.instance, cursor=cursor, resources={"project": shop.project})
    defined = definition(context)
    assert isinstance(defined, dg.SensorResult | dg.SkipReason)
    return defined


def test_only_sources_whose_files_changed_are_reread_with_what_is_made_of_them(shop: Shop) -> None:
    first = new_data(shop, None)
    assert isinstance(first, dg.SensorResult)
    assert isinstance(new_data(shop, first.cursor), dg.SkipReason)
    path = shop.root / "data/deliveries.csv"
    path.write_text(path.read_text() + "o999999,courier_a,2024-02-01T00:00:00Z,3.0\n")
    changed = new_data(shop, first.cursor)
    assert isinstance(changed, dg.SensorResult)
    (request,) = changed.run_requests or ()
    assert {key.to_user_string() for key in request.asset_selection or ()} == {
        "sources/deliveries",
        "features/courier_recent",
    }
    shop.advance(hours=1)
    moved = new_data(shop, changed.cursor)
    assert isinstance(moved, dg.SensorResult)
    assert len((moved.run_requests or ())[0].asset_selection or ()) == 3


SCORE = "replay_score_late_parcel_hourly_at_00"
RETRAIN = "replay_retrain_late_parcel_mondays_at_0300"


def test_a_tick_of_the_simulated_clock_is_requested_once(shop: Shop) -> None:
    before = tick(shop, RETRAIN)
    assert skipped(before) == (
        "the simulated clock (2024-03-01 00:00 UTC) has not passed a declared time yet; "
        "the next declared time is 2024-03-04 03:00 UTC"
    )
    assert before.cursor == "2024-03-01 00:00 UTC; next 2024-03-04 03:00 UTC"
    shop.advance(days=4)
    ticks = tick(shop, RETRAIN)
    assert ticks.cursor == "2024-03-05 00:00 UTC; next 2024-03-11 03:00 UTC"
    (request,) = ticks.run_requests or ()
    assert request.run_key == "retrain_late_parcel:2024-03-04T03:00:00.000000Z"
    assert request.tags["simulated_date"] == "2024-03-05"
    job = shop.definitions.resolve_job_def("retrain_late_parcel")
    run = job.execute_in_process(instance=shop.instance, tags=dict(request.tags), raise_on_error=False).run_id
    assert skipped(tick(shop, RETRAIN)) == (
        f"2024-03-04 03:00 UTC was requested before (run {run[:8]}); the next declared time is 2024-03-11 03:00 UTC"
    )


def test_scoring_is_asked_for_over_all_days_that_are_due(shop: Shop) -> None:
    shop.advance(days=2)
    (request,) = tick(shop, SCORE).run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == "2024-03-01"
    assert request.tags["dagster/asset_partition_range_end"] == "2024-03-03"


def test_a_model_without_a_live_version_is_not_scored(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    with open_instance(open_project(root)) as instance:
        shop = Shop(root, instance)
        shop.advance(hours=1)
        ticks = tick(shop, "replay_score_lateness_hourly_at_00")
    assert skipped(ticks) == "no version of lateness is deployed yet"


def test_a_failed_run_of_the_daemon_is_alerted(shop: Shop, receiver: tuple[str, list[dict[str, Any]]]) -> None:
    shop.edit("project.yaml", "owner: team:shop\n", f"owner: team:shop\nalerts: ['{receiver[0]}']\n")
    (shop.root / "data/orders.csv").unlink()
    result = shop.materialize("sources/orders")
    definition = shop.definitions.get_repository_def().get_sensor_def("alert_on_failed_runs")
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_on_failed_runs",
        dagster_instance=shop.instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
        resources={"project": shop.project},
    ).for_run_failure()
    definition(context)
    definition(context)
    (message,) = receiver[1]
    assert "source orders: data/orders.csv" in message["message"]
