"""A better challenger is deployed; a worse one is refused, by name and figure, and the champion goes on serving."""

from __future__ import annotations

import pytest

from ml_platform.registry import champion
from ml_platform.store.ledger import ledger_lines
from ml_platform.versions import versions
from ml_platform_dagster.jobs.run import run_and_refresh
from tests.dagster.shop import Shop

MODEL = "models/late_parcel.yaml"
BOOSTED = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
CONSTANT = "algorithm: {name: constant}"
RULE = "algorithm: {name: rule, expression: courier_recent.mean_late_7d > 20}"


@pytest.fixture
def worse(shop: Shop) -> Shop:
    """The shop with a declaration that ignores every feature."""
    shop.edit(MODEL, BOOSTED, CONSTANT)
    return shop


def test_a_worse_challenger_is_refused_and_the_refusal_names_figure_and_limit(worse: Shop) -> None:
    outcome = worse.run("late_parcel_retrain")
    assert outcome.refused == ("late_parcel",)
    assert not outcome.failed
    text = outcome.problems["late_parcel/evaluation"].text
    assert "late_parcel@2 is not deployed: auc is 0.5, the gate asks for >= 0.55" in text
    assert "against champion the probability of earning more is" in text
    assert worse.done("skipped") == ["late_parcel/deployment"]
    assert str(champion(worse.project, "late_parcel")) == "late_parcel@1"
    assert worse.metadata("late_parcel/evaluation")["verdict"] == "refuse"
    assert "shop: late_parcel_retrain kept the champion" in (worse.project.state / "alerts.log").read_text()


def test_a_deployment_launched_alone_verifies_for_itself(worse: Shop) -> None:
    worse.run("late_parcel_retrain")
    result = worse.materialise("late_parcel/deployment")
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "auc is 0.5, the gate asks for >= 0.55" in str(failure.step_failure_data.error)
    assert str(champion(worse.project, "late_parcel")) == "late_parcel@1"


def test_after_a_refusal_the_factory_goes_on_with_the_champion(worse: Shop) -> None:
    told: list[dict[str, object]] = []
    code = run_and_refresh(worse.project, worse.instance, "factory", lambda line: told.append(dict(line)))
    assert code == 0
    assert [line["job"] for line in told if line["event"] == "run"] == ["factory", "late_parcel_refresh"]
    assert [line["refused"] for line in told if line["event"] == "end"] == [("late_parcel",), ()]
    assert told[-1]["success"]
    refreshed = [line["step"] for line in told if line["event"] == "done"][-2:]
    assert refreshed == ["late_parcel/predictions", "late_parcel/monitoring"]


def test_a_better_challenger_is_deployed(shop: Shop) -> None:
    shop.edit(MODEL, BOOSTED, RULE)
    shop.edit(MODEL, "release: {", "release: {changed_declaration: {champion: null}, ")
    shop.edit(MODEL, 'gates: {auc: ">= 0.55"}', "gates: {}")
    weak = shop.run("late_parcel_retrain")
    assert weak.success, weak.problems
    assert str(champion(shop.project, "late_parcel")) == "late_parcel@2"
    shop.edit(MODEL, RULE, BOOSTED.replace("num_leaves: 7", "num_leaves: 5"))
    shop.edit(MODEL, "changed_declaration: {champion: null}, ", "")
    better = shop.run("late_parcel_retrain")
    assert better.success, better.problems
    assert str(champion(shop.project, "late_parcel")) == "late_parcel@3"
    last = ledger_lines(shop.project.database, "champion/late_parcel")[-1]
    assert (last.facts["from_version"], last.facts["version"], last.facts["rule"]) == (2, 3, "changed_declaration")
    assert "against champion the probability of earning more is" in last.reason
    assert [str(version) for version in versions(shop.project, "late_parcel")] == [
        "late_parcel@1",
        "late_parcel@2",
        "late_parcel@3",
    ]
