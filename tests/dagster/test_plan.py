"""A plan says beforehand what a real run then does: what is up to date is found again, what would run is made."""

from __future__ import annotations

import json

import pytest

from ml_platform.operations.planning.plan import Plan, Planned
from ml_platform.operations.planning.planner import plan_project
from ml_platform.sources.source_log import chunk_names
from tests.dagster.shop import Shop

STAGES = ("snapshot", "trained_model", "evaluation", "deployment", "predictions", "monitoring")


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """The shop, with its sources read once more: files that were copied are other files."""
    assert shop.materialize("sources/orders", "sources/deliveries").success
    return shop


def plan_of(shop: Shop) -> Plan:
    return plan_project(shop.project, shop.project.clock.now())


def verdicts(plan: Plan) -> dict[str, str]:
    return {node.node: node.verdict for node in plan.nodes}


def node(plan: Plan, name: str) -> Planned:
    return next(planned for planned in plan.nodes if planned.node == name)


def run_as_planned(shop: Shop, plan: Plan) -> None:
    """Run the factory, and hold what it did against what the plan says."""
    shop.run("update_everything")
    reused = {line["step"]: line["reused"] for line in shop.lines if line["event"] == "done"}
    ids = {line["step"]: line["id"] for line in shop.lines if line["event"] == "done"}
    for planned in plan.nodes:
        if planned.verdict == "up to date":
            assert (reused[planned.node], ids[planned.node]) == (True, planned.id), planned
        if planned.verdict == "would run" and planned.kind != "source":  # reading may bring nothing
            assert not reused.get(planned.node), planned


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a source was read")

    monkeypatch.setattr("ml_platform.sources.ingest.read_parts", refuse)


def test_after_a_run_everything_is_up_to_date_and_neither_plan_nor_run_reads_a_source(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_reading(monkeypatch)
    plan = plan_of(shop)
    assert set(verdicts(plan).values()) == {"up to date"}
    assert len(plan.nodes) == 15
    assert all(planned.reasons == () for planned in plan.nodes)
    run_as_planned(shop, plan)


def test_a_changed_description_asks_for_nothing(shop: Shop) -> None:
    shop.edit("features/courier_recent.yaml", "How late a courier has been lately.", "Lateness.")
    shop.edit("models/late_parcel.yaml", "owner: team:shop", "owner: team:other")
    assert set(verdicts(plan_of(shop)).values()) == {"up to date"}


def test_a_new_feature_computes_only_its_part_and_remakes_what_takes_all_features(shop: Shop) -> None:
    shop.edit(
        "features/courier_recent.yaml", "  last_late:", "  worst: {max: minutes_late, windows: [7d]}\n  last_late:"
    )
    plan = plan_of(shop)
    log = shop.project.store.get("source", node(plan, "sources/deliveries").id or "")
    (reason,) = node(plan, "features/courier_recent").reasons
    work = f"1 part over {len(chunk_names(log))} chunks, {log.about['rows']:,} rows"
    assert reason == f"1 new feature (worst_7d): {work}"
    judged = verdicts(plan)
    assert (judged["sources/deliveries"], judged["features/courier_recent"]) == ("up to date", "would run")
    assert judged["late_parcel/snapshot"] == "would run"
    assert "the declaration of features/courier_recent changed" in node(plan, "late_parcel/snapshot").reasons
    assert judged["late_parcel/trained_model"] == judged["late_parcel/deployment"] == "may run"
    assert node(plan, "late_parcel/trained_model").reasons == ("late_parcel/snapshot would run, which may change it",)
    run_as_planned(shop, plan)


def test_a_day_later_its_rows_are_read_its_predictions_made_and_no_model_trained(shop: Shop) -> None:
    shop.advance(days=1)
    plan = plan_of(shop)
    judged = verdicts(plan)
    assert node(plan, "sources/orders").reasons[0].startswith("rows become known, the first at 2024-03-0")
    assert [judged[f"sources/{name}"] for name in ("orders", "deliveries")] == ["would run", "would run"]
    assert judged["features/courier_recent"] == "may run"
    model = {stage: judged[f"late_parcel/{stage}"] for stage in STAGES}
    assert model == {
        "snapshot": "up to date",
        "trained_model": "up to date",
        "evaluation": "up to date",
        "deployment": "up to date",
        "predictions": "would run",
        "monitoring": "would run",
    }
    assert node(plan, "late_parcel/predictions").reasons == (
        "the day 2024-03-02 is not scored",
        "the day 2024-03-01 is scored only in part",
    )
    assert node(plan, "late_parcel/monitoring").reasons == ("it was last monitored at 2024-03-01 00:00",)
    run_as_planned(shop, plan)


def test_at_a_tick_of_its_schedule_a_model_is_retrained(shop: Shop) -> None:
    shop.advance(days=3, hours=3)  # Friday midnight to Monday at three
    plan = plan_of(shop)
    assert node(plan, "late_parcel/snapshot").verdict == "would run"
    assert node(plan, "late_parcel/snapshot").reasons == ("a scheduled retraining is due at 2024-03-04 03:00",)
    assert node(plan, "lateness/snapshot").verdict == "up to date"  # declares no schedule
    assert node(plan, "late_parcel/predictions").reasons[0] == "the days 2024-03-02 to 2024-03-04 are not scored"
    run_as_planned(shop, plan)


def test_a_correction_recomputes_the_chunk_that_it_touches(shop: Shop) -> None:
    data = shop.root / "data/deliveries.csv"
    header, first, *rest = data.read_text().splitlines()
    wrong = ",".join([*first.split(",")[:3], "999.0"])
    data.write_text("\n".join([header, wrong, *rest]) + "\n")
    plan = plan_of(shop)
    assert node(plan, "sources/deliveries").reasons == ("data/deliveries.csv changed since the last ingest",)
    assert node(plan, "features/courier_recent").verdict == "may run"
    assert node(plan, "features/courier_recent").reasons == ("sources/deliveries would run, which may change it",)
    shop.materialize("sources/deliveries")
    plan = plan_of(shop)
    assert node(plan, "sources/deliveries").verdict == "up to date"
    assert node(plan, "features/courier_recent").reasons == (
        "its source has new rows: 1 new chunk of 1 row",
        "1 corrected row touches chunk 2024-01",
    )
    run_as_planned(shop, plan)


def test_a_second_model_that_shares_a_table_computes_none_of_it(shop: Shop) -> None:
    text = (shop.root / "models/lateness.yaml").read_text()
    (shop.root / "models/minutes.yaml").write_text(text.replace("name: lateness", "name: minutes"))
    plan = plan_of(shop)
    judged = verdicts(plan)
    assert {name for name, verdict in judged.items() if verdict == "would run"} == {f"minutes/{s}" for s in STAGES}
    assert judged["features/courier_recent"] == "up to date"
    assert node(plan, "minutes/snapshot").reasons == ("never run",)
    assert node(plan, "minutes/snapshot").duration is None
    run_as_planned(shop, plan)


def test_a_changed_parameter_retrains_on_the_same_snapshot(shop: Shop) -> None:
    shop.edit("models/late_parcel.yaml", "num_leaves: 7", "num_leaves: 5")
    plan = plan_of(shop)
    judged = verdicts(plan)
    assert (judged["late_parcel/snapshot"], judged["late_parcel/trained_model"]) == ("up to date", "would run")
    assert node(plan, "late_parcel/trained_model").reasons == ("its declaration changed (algorithm.params.num_leaves)",)
    assert {judged[f"late_parcel/{stage}"] for stage in STAGES[2:]} == {"may run"}
    assert {judged[f"lateness/{stage}"] for stage in STAGES} == {"up to date"}
    run_as_planned(shop, plan)


def test_a_champion_that_would_not_be_released_today_stays(shop: Shop) -> None:
    shop.edit("models/late_parcel.yaml", 'auc: ">= 0.55"', 'auc: ">= 0.9999"')
    assert node(plan_of(shop), "late_parcel/evaluation").verdict == "would run"
    shop.run("update_everything")
    plan = plan_of(shop)
    stopped = node(plan, "late_parcel/deployment")
    assert stopped.verdict == "up to date"
    assert node(plan, "late_parcel/predictions").verdict == "up to date"


def test_a_source_that_fails_a_check_blocks_what_is_made_of_it(shop: Shop) -> None:
    shop.edit("sources/deliveries.yaml", "known_at:", "freshness: 1s\nknown_at:")
    shop.run("update_everything")
    plan = plan_of(shop)
    assert node(plan, "features/courier_recent").verdict == "blocked"
    assert node(plan, "features/courier_recent").reasons == ("sources/deliveries failed freshness",)
    assert node(plan, "late_parcel/snapshot").verdict == "blocked"


def test_a_missing_file_is_reported_and_the_rest_is_planned(shop: Shop) -> None:
    (shop.root / "data/orders.csv").unlink()
    plan = plan_of(shop)
    assert node(plan, "sources/orders").verdict == "blocked"
    assert "data/orders.csv: no such file" in node(plan, "sources/orders").reasons[0]
    assert node(plan, "features/courier_recent").verdict == "up to date"
    assert node(plan, "late_parcel/snapshot").reasons == ("sources/orders is blocked",)


def test_planning_changes_nothing(shop: Shop) -> None:
    shop.edit("models/late_parcel.yaml", "train: 28d", "train: 27d")
    first = json.dumps(plan_of(shop).as_json())
    files = {path for path in (shop.project.state / "store").rglob("*") if path.is_file()}
    assert json.dumps(plan_of(shop).as_json()) == first
    assert {path for path in (shop.project.state / "store").rglob("*") if path.is_file()} == files
    assert node(plan_of(shop), "late_parcel/snapshot").reasons == ("its declaration changed (split.train)",)
