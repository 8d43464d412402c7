"""A version that waits for approval is no failure; a person's word in Dagster deploys it, and the event log tells."""

from __future__ import annotations

import json

from ml_platform.registry.champion import champion
from ml_platform.storage.ledger.anchors import stored_anchors
from ml_platform.storage.ledger.lines import Head, ledger_lines
from ml_platform_dagster.jobs.anchors import event_log_anchors
from tests.dagster.shop import Shop

MODEL = "models/late_parcel.yaml"
RULE = "algorithm: {name: rule, expression: courier_recent.mean_late_7d > 20}"
BOOSTED = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"


def _decide(shop: Shop, **comment: object) -> bool:
    job = shop.definitions.resolve_job_def("approve_version")
    config = {"ops": {"decide_on_version": {"config": comment}}}
    return job.execute_in_process(run_config=config, instance=shop.instance, raise_on_error=False).success


def test_a_version_waits_without_failing_and_is_deployed_when_it_is_approved(shop: Shop) -> None:
    shop.edit(MODEL, BOOSTED, RULE)
    shop.edit(MODEL, "release: {", "release: {changed_declaration: {champion: ignore}, ")
    shop.edit(MODEL, 'gates: {auc: ">= 0.55"}', "gates: {}")
    shop.edit(MODEL, 'batch: "0 * * * * UTC"', 'batch: "0 * * * * UTC", approval: required')
    for _ in range(2):
        outcome = shop.run("retrain_late_parcel")
        assert outcome.success, outcome.problems
        assert str(champion(shop.project, "late_parcel")) == "late_parcel@1"
    facts = shop.metadata("late_parcel/deployment")
    assert facts["version"] == "late_parcel@1"
    assert facts["not deployed"].startswith("it waits for approval: ml-platform approve late_parcel@2 --reason")
    alerts = [json.loads(line) for line in (shop.project.state / "alerts.log").read_text().splitlines()]
    assert [alert["title"] for alert in alerts].count("shop: late_parcel@2 waits for approval") == 1

    assert _decide(shop, version="late_parcel@2", reason="a rule is easier to explain", actor="ada")
    assert str(champion(shop.project, "late_parcel")) == "late_parcel@2"
    lines = ledger_lines(shop.project.database)
    assert (lines[-2].action, lines[-2].actor) == ("approve", "ada")
    assert lines[-1].action == "deploy"
    assert shop.metadata("late_parcel/deployment")["version"] == "late_parcel@2"

    actual = {anchor.head for anchor in event_log_anchors(shop.project, shop.instance)}
    assert Head(lines[-1].seq, lines[-1].hash) in actual
    assert actual <= {anchor.head for anchor in stored_anchors(shop.project)}


def test_a_word_on_a_version_that_needs_none_fails_and_records_nothing(shop: Shop) -> None:
    before = len(ledger_lines(shop.project.database))
    assert not _decide(shop, version="late_parcel@1", reason="why not", actor="ada")
    assert len(ledger_lines(shop.project.database)) == before


def test_verifying_in_dagster_alerts_of_damage(shop: Shop) -> None:
    whole = shop.run("verify_store")
    assert whole.success, whole.problems
    path = min((shop.project.state / "store/manifests/snapshot").iterdir())
    path.write_bytes(path.read_bytes()[:-9])
    broken = shop.run("verify_store")
    assert broken.failed
    (problem,) = broken.problems.values()
    assert problem.startswith(f"damaged manifest manifests/snapshot/{path.name}: ")
    assert "shop: verify_store failed" in (shop.project.state / "alerts.log").read_text()
