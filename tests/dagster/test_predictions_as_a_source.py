"""A model that reads another's predictions, run by Dagster: order, partitions, the sensor, the warning, refusals."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from ml_platform.operations.planning.planner import plan_project
from ml_platform.registry.champion import champion
from ml_platform.sources.source_log import KNOWN, source_versions
from ml_platform.storage.prediction_log import logged_days, read_predictions
from ml_platform_dagster.assets.metadata import ungrouped
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.jobs.asset_jobs import build_asset_jobs
from ml_platform_dagster.jobs.run import run_and_follow
from ml_platform_dagster.jobs.sensors import new_source_data_sensor
from tests.dagster.shop import Shop
from tests.sources.readers.expected_minutes import EXPECTED, ORDER_EXPECTED, micros
from tests.worlds import NOW

CONSTANT = "algorithm: {name: constant}"


@pytest.fixture
def chained(shop: Shop) -> Shop:
    """The shop after its first run, where late_parcel reads the predictions of lateness from now on."""
    (shop.root / "sources/expected.yaml").write_text(EXPECTED)
    (shop.root / "features/order_expected.yaml").write_text(ORDER_EXPECTED)
    shop.edit("models/late_parcel.yaml", "features: [", "features: [order_expected.*, ")
    return shop


def test_the_factory_predicts_before_it_reads_predictions_and_the_rows_are_those_of_the_log(chained: Shop) -> None:
    chained.advance(hours=5)
    outcome = chained.run("update_everything")
    assert not outcome.failed
    done = list(chained.done())
    chain = ["lateness/predictions", "sources/expected", "features/order_expected", "late_parcel/snapshot"]
    assert [step for step in done if step in chain] == chain
    node = chained.definitions.resolve_asset_graph().get(asset_key("sources/expected"))
    assert node.parent_keys == {asset_key("lateness/predictions")}
    project, facts = chained.project, chained.metadata("sources/expected")
    logged = [day for day in logged_days(project, "lateness") if day.rows]
    assert facts["dagster/row_count"] == sum(day.rows for day in logged) > 0
    assert facts["versions"].startswith(f"- **lateness@1**: rows {facts['dagster/row_count']}, from 2024-03-01")
    (dep,) = facts["dagster/column_lineage"].deps_by_column["score"]
    assert (dep.asset_key, dep.column_name) == (asset_key("lateness/predictions"), "score")
    log = read_predictions(project, "lateness", NOW.replace(day=1, month=2), project.clock.now())
    with project.engine() as engine:
        artifact = project.store.get("source", ungrouped(facts["id"]))
        rows = engine.run(source_versions(engine, project.store, artifact, ["prediction_id"], "rows")).to_pylist()
    assert {(row["prediction_id"], row["score"], row[KNOWN]) for row in rows} == {
        (row["prediction_id"], row["score"], micros(row["scored_at"])) for row in log.to_dict("records")
    }


def test_the_sensor_asks_for_an_ingest_when_something_was_predicted(chained: Shop) -> None:
    chained.advance(hours=5)
    chained.run("ingest_sources")
    ingest: Any = chained.definitions.resolve_job_def("ingest_sources")
    sensor = new_source_data_sensor({**build_asset_jobs([], []), "ingest_sources": ingest})

    def ask(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=chained.instance, cursor=cursor) as context:
            answer = sensor(context, project=chained.project)
        assert isinstance(answer, dg.SensorResult | dg.SkipReason)
        return answer

    first = ask(None)
    assert isinstance(first, dg.SensorResult)
    assert isinstance(ask(first.cursor), dg.SkipReason)
    chained.run("score_lateness")
    second = ask(first.cursor)
    assert isinstance(second, dg.SensorResult)
    assert second.run_requests is not None
    assert [list(request.asset_selection or ()) for request in second.run_requests] == [
        [asset_key("sources/expected"), asset_key("features/order_expected")]
    ]


def test_a_champion_that_has_not_seen_the_newest_version_is_reported_and_stops_nothing(chained: Shop) -> None:
    chained.advance(hours=5)
    chained.run("score_lateness")
    result = chained.materialize("sources/expected")
    assert result.success
    (check,) = [actual for actual in result.get_asset_check_evaluations() if actual.check_name == "upstream_version"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert str(check.description).endswith("; late_parcel@1 was trained on no row of lateness")
    assert chained.materialize("features/order_expected").success


def test_after_a_challenger_that_lost_the_same_run_goes_on_with_the_predictions_of_the_champion(chained: Shop) -> None:
    chained.advance(days=8)  # a Monday has passed, on which late_parcel is made anew
    text = (chained.root / "models/lateness.yaml").read_text()
    chained.edit("models/lateness.yaml", text[text.index("algorithm:") : text.index("baselines:")], CONSTANT + "\n")
    lines: list[dict[str, object]] = []
    code = run_and_follow(chained.project, chained.instance, "update_everything", lambda line: lines.append(dict(line)))
    assert [line["job"] for line in lines if line["event"] == "run"] == ["update_everything"]
    assert code == 0
    assert str(champion(chained.project, "lateness")) == "lateness@1"
    done = [line["step"] for line in lines if line["event"] == "done"]
    refreshed = done.index("lateness/predictions")
    assert refreshed < done.index("sources/expected") < done.index("late_parcel/snapshot")


def test_the_plan_waits_for_predictions_that_are_still_to_come(chained: Shop) -> None:
    chained.advance(hours=5)
    chained.run("score_lateness")
    chained.run("ingest_sources")
    chained.advance(hours=1)
    planned = {node.node: node for node in plan_project(chained.project, chained.project.clock.now()).nodes}
    assert planned["lateness/predictions"].verdict == "would run"
    assert (planned["sources/expected"].verdict, planned["sources/expected"].reasons) == (
        "may run",
        ("lateness/predictions would run, which may change it",),
    )
