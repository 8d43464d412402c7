"""A better challenger is deployed; a worse one is not, by name and figure, and the champion goes on in the same run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_platform.operations.planning.planner import plan_project
from ml_platform.project import open_project
from ml_platform.registry.champion import champion
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.versions import versions
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.jobs.instance import open_instance
from ml_platform_dagster.jobs.run import run_and_follow
from tests.dagster.shop import Shop
from tests.worlds import write_shop

MODEL = "models/late_parcel.yaml"
BOOSTED = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
CONSTANT = "algorithm: {name: constant}"
RULE = "algorithm: {name: rule, expression: courier_recent.mean_late_7d > 20}"


@pytest.fixture
def worse(shop: Shop) -> Shop:
    """The shop with a declaration that ignores every feature."""
    shop.edit(MODEL, BOOSTED, CONSTANT)
    return shop


def _check(shop: Shop, name: str) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(asset_key("late_parcel/evaluation"), name)
    record = shop.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def _alerts(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shop.project.state / "alerts.log").read_text().splitlines()]


@pytest.fixture
def loser(shop: Shop) -> Shop:
    """The shop with a declaration that ignores every feature, and no gate that it could miss."""
    shop.edit(MODEL, BOOSTED, CONSTANT)
    shop.edit(MODEL, 'gates: {auc: ">= 0.55"}', "gates: {}")
    return shop


def test_a_challenger_that_loses_is_a_successful_run_and_a_warning_that_names_what_it_needs(loser: Shop) -> None:
    outcome = loser.run("retrain_late_parcel")
    assert outcome.success, outcome.problems
    assert loser.done("skipped") == []
    assert str(champion(loser.project, "late_parcel")) == "late_parcel@1"
    checked = _check(loser, "release_rule")
    assert (checked.passed, checked.severity, checked.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert str(checked.description).startswith("**Kept version 1**: ")
    assert "% sure that it earns more than the champion, needs 90 %" in str(checked.description)
    assert checked.metadata["champion: needed"].value == 0.9
    assert loser.metadata("late_parcel/evaluation")["decision"] == "keep"
    facts = loser.metadata("late_parcel/deployment")
    assert facts["version"] == "late_parcel@1"
    assert facts["not deployed"].startswith("kept version 1: ")
    (alert,) = _alerts(loser)
    assert (alert["title"], alert["severity"]) == ("shop: late_parcel kept version 1", "report")


def test_the_same_loss_alerts_once_and_the_plan_has_nothing_to_do(loser: Shop) -> None:
    for _ in range(2):
        assert loser.run("update_everything").success
    assert len(_alerts(loser)) == 1
    planned = {node.node: node for node in plan_project(loser.project, loser.project.clock.now()).nodes}
    assert planned["late_parcel/deployment"].verdict == "up to date"
    assert planned["late_parcel/deployment"].reasons[0].startswith("kept version 1: ")
    assert {node.verdict for node in planned.values()} == {"up to date"}


def test_a_missed_gate_is_an_error_and_a_ticket_and_the_champion_goes_on(worse: Shop) -> None:
    outcome = worse.run("update_everything")
    assert outcome.success, outcome.problems
    gate = _check(worse, "gate_auc")
    assert (gate.passed, gate.severity, gate.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
    assert gate.description == "auc 0.5, required: at least 0.55"
    (alert,) = _alerts(worse)
    assert alert["severity"] == "ticket"
    assert "late_parcel@2 is not deployed: auc 0.5, required: at least 0.55" in alert["body"]
    assert alert["next_step"] == "Find out why late_parcel misses auc, or change gates in models/late_parcel.yaml."
    assert str(champion(worse.project, "late_parcel")) == "late_parcel@1"


def test_the_same_run_goes_on_with_the_predictions_of_the_champion(worse: Shop) -> None:
    worse.advance(hours=1)
    lines: list[dict[str, object]] = []
    code = run_and_follow(worse.project, worse.instance, "update_everything", lambda line: lines.append(dict(line)))
    assert code == 0
    assert [line["job"] for line in lines if line["event"] == "run"] == ["update_everything"]
    assert lines[-1]["success"]
    done = [line["step"] for line in lines if line["event"] == "done"]
    assert done.index("late_parcel/deployment") < done.index("late_parcel/predictions")
    assert "late_parcel/monitoring" in done


def test_a_deployment_launched_alone_verifies_for_itself(worse: Shop) -> None:
    worse.run("retrain_late_parcel")
    assert worse.materialize("late_parcel/deployment").success
    assert "auc 0.5, required: at least 0.55" in worse.metadata("late_parcel/deployment")["not deployed"]
    assert str(champion(worse.project, "late_parcel")) == "late_parcel@1"


def test_a_first_version_that_is_not_released_leaves_nothing_deployed_and_no_failed_run(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "new", days=62, orders_a_day=20)
    (root / "models/lateness.yaml").unlink()
    text = (root / MODEL).read_text().replace(BOOSTED, CONSTANT).replace('gates: {auc: ">= 0.55"}', "gates: {}")
    (root / MODEL).write_text(text)
    project = open_project(root)
    with open_instance(project) as instance:
        lines: list[dict[str, Any]] = []
        code = run_and_follow(project, instance, "update_everything", lambda line: lines.append(dict(line)))
    assert code == 0
    assert champion(open_project(root), "late_parcel") is None
    (deployment,) = [line for line in lines if line.get("step") == "late_parcel/deployment" and "figures" in line]
    assert deployment["figures"]["not deployed"].startswith("nothing is deployed: ")
    skipped = [line["step"] for line in lines if line["event"] == "skipped"]
    assert skipped == ["late_parcel/predictions", "late_parcel/monitoring"]


def test_a_better_challenger_is_deployed(shop: Shop) -> None:
    shop.edit(MODEL, BOOSTED, RULE)
    shop.edit(MODEL, "release: {", "release: {changed_declaration: {champion: ignore}, ")
    shop.edit(MODEL, 'gates: {auc: ">= 0.55"}', "gates: {}")
    weak = shop.run("retrain_late_parcel")
    assert weak.success, weak.problems
    assert str(champion(shop.project, "late_parcel")) == "late_parcel@2"
    shop.edit(MODEL, RULE, BOOSTED.replace("num_leaves: 7", "num_leaves: 5"))
    shop.edit(MODEL, "changed_declaration: {champion: ignore}, ", "")
    better = shop.run("retrain_late_parcel")
    assert better.success, better.problems
    assert str(champion(shop.project, "late_parcel")) == "late_parcel@3"
    last = ledger_lines(shop.project.database, "champion/late_parcel")[-1]
    assert (last.facts["from_version"], last.facts["version"], last.facts["rule"]) == (2, 3, "changed_declaration")
    assert "% sure that it earns more than the champion, needs 90 %" in last.reason
    assert last.facts["anchor"] in {version.id for version in versions(shop.project, "late_parcel")}
    assert [str(version) for version in versions(shop.project, "late_parcel")] == [
        "late_parcel@1",
        "late_parcel@2",
        "late_parcel@3",
    ]
