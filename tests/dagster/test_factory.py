"""The whole factory on a real instance on disk: everything is made once, and then nothing is made again."""

from __future__ import annotations

import json
import re

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from ml_platform.registry.champion import champion
from ml_platform.reporting.mlflow.client import open_client, open_experiment
from ml_platform.reporting.mlflow.runs import tracked_run
from ml_platform.storage.durations import usual_duration
from ml_platform_dagster.assets.metadata import ungrouped
from tests.dagster.shop import Shop

MODELS = ("late_parcel", "lateness")
STAGES = ("snapshot", "trained_model", "evaluation", "deployment", "predictions", "monitoring")
NODES = (
    "sources/orders",
    "sources/deliveries",
    "features/courier_recent",
    *(f"{model}/{stage}" for model in MODELS for stage in STAGES),
)


def test_the_first_run_makes_everything(untouched: Shop) -> None:
    events = json.loads((untouched.root / "events.json").read_text())
    assert [line["step"] for line in events if line["event"] == "failed"] == []
    done = {line["step"]: line for line in events if line["event"] == "done"}
    assert set(done) == set(NODES)
    assert not any(line["reused"] for line in done.values())
    assert events[-1]["success"]
    for model in MODELS:
        assert str(champion(untouched.project, model)) == f"{model}@1"


@pytest.mark.parametrize("name", NODES)
def test_an_assets_data_version_is_the_id_of_what_it_made(untouched: Shop, name: str) -> None:
    materialization = untouched.latest(name)
    assert materialization.tags is not None
    assert materialization.tags["dagster/data_version"] == ungrouped(untouched.metadata(name)["id"])


def test_nothing_is_stale_after_the_run(untouched: Shop) -> None:
    graph = untouched.definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(untouched.instance, graph, LoadingContextForTest(untouched.instance))
    keys = {key: "2024-03-01" if key.path[-1] == "predictions" else None for key in graph.get_all_asset_keys()}
    statuses = {key.to_user_string(): resolver.get_status(key, partition) for key, partition in keys.items()}
    assert statuses == dict.fromkeys(NODES, StaleStatus.FRESH)


def test_a_person_sees_rows_columns_and_where_they_come_from(untouched: Shop) -> None:
    orders = untouched.metadata("sources/orders")
    assert orders["dagster/row_count"] == 2400  # sixty days of forty
    assert [column.name for column in orders["dagster/column_schema"].columns] == [
        "order_id",
        "courier",
        "placed_at",
        "amount",
        "items",
    ]
    lineage = untouched.metadata("features/courier_recent")["dagster/column_lineage"]
    assert {dep.column_name for dep in lineage.deps_by_column["mean_late_7d"]} == {"minutes_late", "delivered_at"}
    snapshot = untouched.metadata("late_parcel/snapshot")["dagster/column_lineage"]
    (dep,) = snapshot.deps_by_column["courier_recent.mean_late_7d"]
    assert (dep.asset_key.to_user_string(), dep.column_name) == ("features/courier_recent", "mean_late_7d")


def test_a_person_sees_who_uses_data_and_how_much_of_it_is_null(untouched: Shop) -> None:
    table = untouched.metadata("features/courier_recent")
    assert table["used by"] == "- models/late_parcel: 6 features\n- models/lateness: 2 features"
    (line,) = [line for line in table["columns"].splitlines() if "**mean_late_7d**" in line]
    assert line.startswith("- **mean_late_7d**: unit min, null ")
    assert ", values median " in line
    assert line.endswith(", used by late_parcel, lateness")
    source = untouched.metadata("sources/orders")
    assert "- models/late_parcel: population, 2 features" in source["used by"]
    assert "- **amount**: unit EUR, null 0 %, read by models/late_parcel" in source["columns"]


def test_a_person_sees_what_a_version_was_made_from_and_how_to_remake_it(untouched: Shop) -> None:
    trained = untouched.metadata("late_parcel/trained_model")
    assert (trained["commit"], trained["reproduce"]) == ("in no repository", "`ml-platform reproduce late_parcel@1`")


def test_a_person_sees_how_a_prediction_is_explained(untouched: Shop) -> None:
    facts = untouched.metadata("late_parcel/predictions")["explain"]
    root = untouched.project.root
    assert facts == (
        f"`ml-platform predictions late_parcel {root}` lists them, and `ml-platform explain ID {root}` explains one."
    )


def test_a_person_sees_how_old_the_newest_data_of_a_table_can_be(untouched: Shop) -> None:
    age = untouched.metadata("features/courier_recent")["age"]
    assert age == "deliveries known 10m after + refresh 1h + published 5m after the tick = up to 1h15m old"


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("late_parcel/trained_model", "importance.svg"),
        ("late_parcel/trained_model", "importance.png"),
        ("late_parcel/snapshot", "rows_by_day.svg"),
        ("late_parcel/evaluation", "gain.svg"),
        ("late_parcel/evaluation", "gain_by_day.svg"),
        ("late_parcel/evaluation", "calibration.png"),
        ("late_parcel/evaluation", "value_by_threshold.png"),
        ("lateness/evaluation", "predicted_actual.png"),
    ],
)
def test_a_picture_has_an_address_at_which_the_store_has_its_bytes(untouched: Shop, name: str, picture: str) -> None:
    shown = untouched.metadata(name)
    place = shown["summary"] if picture.endswith(".svg") else shown["large pictures"]
    (id,) = {match[1] for match in re.finditer(rf"\]\(/pages/pictures/([0-9a-f]{{64}})/{re.escape(picture)}\)", place)}
    store = untouched.project.store
    content = store.read(store.get("pictures", id).objects[picture.partition(".")[0]])
    assert content.startswith(b"<svg" if picture.endswith(".svg") else b"\x89PNG")


@pytest.mark.parametrize("name", NODES)
def test_every_page_begins_with_a_summary_that_the_ui_shows_without_a_click(untouched: Shop, name: str) -> None:
    shown = untouched.metadata(name)
    assert next(iter(shown)) == "summary"
    assert shown["summary"].startswith("**")
    assert len(shown["summary"]) < 1000
    assert shown["computed"] == "yes"
    assert shown["simulated date"] == "2024-03-01 00:00 UTC"


def test_value_is_shown_in_money_with_its_interval(untouched: Shop) -> None:
    evaluation = untouched.metadata("late_parcel/evaluation")
    assert evaluation["decision"] == "deploy"
    assert " EUR (95 % interval " in evaluation["gain over doing nothing"]
    assert isinstance(evaluation["gain (EUR)"], float)  # the UI plots it
    assert evaluation["summary"].startswith("**Version 1 meets its gates and the release rule.** On ")
    assert "auc " in evaluation["reasons"]


def test_checks_are_recorded_as_asset_checks(untouched: Shop) -> None:
    keys = [
        dg.AssetCheckKey(dg.AssetKey(["sources", "orders"]), "column_values_to_be_between_amount"),
        dg.AssetCheckKey(dg.AssetKey(["late_parcel", "evaluation"]), "gate_auc"),
        dg.AssetCheckKey(dg.AssetKey(["late_parcel", "evaluation"]), "release_rule"),
    ]
    actual = untouched.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    assert {key: actual[key].status.value for key in keys} == dict.fromkeys(keys, "SUCCEEDED")


@pytest.mark.parametrize("model", MODELS)
def test_mlflow_has_one_finished_run_for_the_version_with_what_later_stages_added(untouched: Shop, model: str) -> None:
    project = untouched.project
    client = open_client(project)
    (run,) = client.search_runs([open_experiment(project, client, model)])
    version = champion(project, model)
    assert version is not None
    link = tracked_run(project.database, model, version.id)
    assert link is not None
    assert (run.info.run_id, run.info.status, run.info.run_name) == (link.run_id, "FINISHED", f"{model}@1")
    assert run.data.params["params.num_leaves"] == "7"
    assert run.inputs.dataset_inputs[0].dataset.digest == version.snapshot[:36]
    assert {"rows_train", "test.rows", "test.value_vs_do_nothing"} <= set(run.data.metrics)
    assert run.data.tags["ml_platform.verdict"] == "deploy"
    assert "ml_platform.deployed_because" in run.data.tags
    files = {file.path for file in client.list_artifacts(run.info.run_id, "model/predictor")}
    assert files
    assert {file.path for file in client.list_artifacts(run.info.run_id, "plots")} >= {"plots/importance.png"}
    assert untouched.metadata(f"{model}/trained_model")["MLflow"].endswith(
        f"(/open/mlflow/{link.experiment_id}/{link.run_id})"
    )


def test_how_long_each_node_took_is_recorded(untouched: Shop) -> None:
    events = json.loads((untouched.root / "events.json").read_text())
    seconds = {line["step"]: line["seconds"] for line in events if line["event"] == "done"}
    for name in NODES:
        usual = usual_duration(untouched.project.database, name)
        assert usual is not None
        assert 0 < usual.total_seconds() <= seconds[name] + 0.01, name  # told in hundredths of a second


def test_a_second_run_reuses_everything_and_sends_mlflow_nothing(shop: Shop) -> None:
    before = {name: shop.metadata(name)["id"] for name in NODES}
    usual = {name: usual_duration(shop.project.database, name) for name in NODES}
    outcome = shop.run("update_everything")
    assert outcome.success, outcome.problems
    assert {line["step"]: line["reused"] for line in shop.lines if line["event"] == "done"} == dict.fromkeys(
        NODES, True
    )
    assert {name: shop.metadata(name)["id"] for name in NODES} == before
    assert {name: usual_duration(shop.project.database, name) for name in NODES} == usual, "nothing was made"
    client = open_client(shop.project)
    for model in MODELS:
        assert len(client.search_runs([open_experiment(shop.project, client, model)])) == 1


def test_a_day_later_the_days_are_scored_and_no_model_is_trained_by_a_refresh(shop: Shop) -> None:
    shop.advance(days=1, hours=6)
    outcome = shop.run("score_late_parcel")
    assert outcome.success, outcome.problems
    days = shop.instance.get_dynamic_partitions("shop_days")
    assert days == ["2024-03-01", "2024-03-02"]
    made = shop.instance.get_materialized_partitions(dg.AssetKey(["late_parcel", "predictions"]))
    assert made == {"2024-03-01", "2024-03-02"}
    assert not any("trained_model" in step for step in shop.done())
    assert shop.metadata("late_parcel/predictions")["predictions"] > 40


def test_the_clock_is_moved_by_a_job_and_the_days_follow(shop: Shop) -> None:
    job = shop.definitions.resolve_job_def("advance_clock")
    result = job.execute_in_process(instance=shop.instance, run_config={"ops": {"advance": {"config": {"by": "36h"}}}})
    assert result.success
    assert shop.project.clock.now().isoformat() == "2024-03-02T12:00:00+00:00"
    assert shop.instance.get_dynamic_partitions("shop_days") == ["2024-03-01", "2024-03-02"]
