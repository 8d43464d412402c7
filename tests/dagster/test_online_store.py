"""The online store in Dagster: published when a tick can be read, planned, checked, and alerted where it is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from ml_platform.declarations.graph import build_graph
from ml_platform.operations.alerts import recent_alerts
from ml_platform.operations.online.due import published_description
from ml_platform.operations.online.lookup import ModelLookup
from ml_platform.operations.online.publish import online_store
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.planning.planner import plan_project
from ml_platform.reporting.status import project_status
from ml_platform_dagster.jobs.instance import open_instance
from tests.dagster.shop import Shop
from tests.dagster.test_drift import tick as evaluate
from tests.features.world import at
from tests.operations.online.worlds import project_of, random_rows

NODE = "online/online_store"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A project whose two models answer online; its clock stands at 10:06, when its tables have nothing published."""
    project = project_of(tmp_path / "world", random_rows(1))
    with open_instance(project) as instance:
        shop = Shop(project.root, instance)
        shop.advance(hours=10, minutes=6)
        yield shop


def planned(shop: Shop) -> Planned:
    plan = plan_project(shop.project, shop.project.clock.now()).nodes
    return next(node for node in plan if node.node == NODE)


def ticks(shop: Shop) -> dict[str, datetime]:
    described = published_description(shop.project)
    return {name: datetime.fromtimestamp(table.tick / 1e6, at().tzinfo) for name, table in described.tables.items()}


def request(shop: Shop) -> dg.RunRequest | None:
    """What the sensor asks for now."""
    evaluated = evaluate(shop, "publish_new_online_values")
    if not evaluated.run_requests:
        return None
    (run,) = evaluated.run_requests or ()
    return run


def tried(shop: Shop, requested: dg.RunRequest) -> dg.DagsterRun:
    """A run that was started for a request."""
    run = dg.DagsterRun(
        job_name="publish_online_store",
        run_id=make_new_run_id(),
        status=dg.DagsterRunStatus.STARTED,
        tags=dict(requested.tags),
    )
    return shop.instance.add_run(run)


def overdue(shop: Shop) -> list[dict[str, Any]]:
    """The alerts of the online store."""
    return [alert for alert in recent_alerts(shop.project) if alert["key"].startswith("online_store:")]


def test_its_job_reads_the_sources_and_publishes_with_figures_and_a_check(shop: Shop) -> None:
    assert planned(shop).verdict == "would run"
    assert planned(shop).reasons == ("never published",)
    assert not (shop.project.state / "online").exists()  # asking creates nothing
    status = project_status(shop.project, shop.project.clock.now()).online_store
    assert status is not None
    assert "shop_slow was never published" in status.text
    assert shop.run("publish_online_store").success
    facts = shop.metadata(NODE)
    described = published_description(shop.project)
    assert facts["id"].replace(" ", "") == described.key
    assert (
        facts["records changed"] == facts["dagster/row_count"] == sum(item.count for item in described.records.values())
    )
    assert facts["greatest lag (s)"] == 0
    assert "- **shop_recent**: tick 2024-05-01 09:00, " in facts["tables"]
    assert ticks(shop) == {
        "customer_profile": at(10),
        "region_weather": at(10),
        "shop_recent": at(9),  # published seven minutes after its tick
        "shop_slow": at(9),
    }
    assert planned(shop).verdict == "up to date"
    assert planned(shop).id == described.key


def test_the_sensor_publishes_each_tick_as_soon_as_training_could_read_it_and_only_then(shop: Shop) -> None:
    assert request(shop) is None  # nothing is materialized
    assert shop.run("publish_online_store").success
    assert request(shop) is None
    shop.advance(minutes=1)  # 10:07: shop_recent can be read at 10:00
    first = request(shop)
    assert first is not None
    assert request(shop) == first  # the same key: one run
    assert "shop_recent can be read at 2024-05-01 10:00, and 2024-05-01 09:00 is published" in planned(shop).reasons
    assert shop.run("publish_online_store").success
    assert ticks(shop)["shop_recent"] == at(10)
    assert request(shop) is None
    shop.advance(minutes=20)
    assert request(shop) is None
    shop.advance(minutes=10)  # 10:37: customer_profile is refreshed every 30 minutes
    second = request(shop)
    assert second is not None
    assert second.run_key != first.run_key


def test_a_second_run_publishes_nothing_and_an_ingest_publishes_too(shop: Shop) -> None:
    assert shop.run("publish_online_store").success
    assert shop.run("publish_online_store").success
    assert shop.metadata(NODE)["computed"] == "no, unchanged"
    assert shop.run("ingest_sources").success
    assert NODE in shop.done()


def test_tables_that_are_more_than_a_refresh_late_are_one_alert_for_one_cause(shop: Shop) -> None:
    assert shop.run("publish_online_store").success
    shop.advance(minutes=61)  # 11:07: shop_recent of 9:00 is two refreshes late, region_weather of 10:00 is one
    requested = request(shop)
    assert requested is not None
    assert overdue(shop) == []  # the clock was moved, and the run for it was only requested
    run = tried(shop, requested)
    assert request(shop) == requested
    assert overdue(shop) == []
    shop.instance.report_run_failed(run)
    evaluated = evaluate(shop, "publish_new_online_values")
    assert evaluated.run_requests == [requested]
    (check,) = evaluated.asset_events
    assert isinstance(check, dg.AssetCheckEvaluation)
    assert (check.check_name, check.passed) == ("freshness", False)
    assert check.asset_key == dg.AssetKey(NODE.split("/"))
    assert "shop_recent as of 2024-05-01 09:00 UTC" in check.description
    shop.advance(hours=1)  # the same publication is missing, and tables are later than before
    failed = request(shop)
    assert failed is not None
    shop.instance.report_run_failed(tried(shop, failed))
    assert evaluate(shop, "publish_new_online_values").asset_events == []  # the alert was sent, and the check failed
    (about,) = overdue(shop)
    assert about["facts"]["overdue"] == "customer_profile (1h), shop_recent (2h)"
    assert "shop_recent as of 2024-05-01 09:00 UTC" in about["body"]
    assert "2024-05-01 11:00 UTC: it is 2h late" in about["body"]
    status = project_status(shop.project, shop.project.clock.now()).online_store
    assert status is not None
    assert status.is_late
    assert "shop_recent is 3h late" in status.text


def test_a_broken_source_keeps_what_is_published(shop: Shop) -> None:
    assert shop.run("publish_online_store").success
    before = published_description(shop.project)
    (shop.root / "data/sales.csv").write_text("id,shop\nr1,a\n")
    shop.advance(hours=2)
    outcome = shop.run("publish_online_store")
    assert not outcome.success
    assert published_description(shop.project) == before
    with online_store(shop.project).view() as view:
        model = shop.project.spec.models["by_ticks"]
        assert not ModelLookup(shop.project.spec, model).look_up(view, {"shop": "a"}).missing


def test_a_project_without_online_models_has_neither_node_nor_job_nor_sensor(shop: Shop) -> None:
    for name in ("by_rows", "by_ticks"):
        shop.edit(f"models/{name}.yaml", '"online": true', '"online": false')
    repository = shop.definitions.get_repository_def()
    assert NODE not in {node.name for node in build_graph(shop.project.spec)}
    assert not repository.has_job("publish_online_store")
    assert not repository.has_sensor_def("publish_new_online_values")
