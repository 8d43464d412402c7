"""A version is rolled out by Dagster: it is a candidate, is judged by a job, and is seen at each step."""

from __future__ import annotations

import pytest

from ml_platform.cli.status import show_status
from ml_platform.operations.rollout.counts import CountsWriter, StageCounts, counts_folder
from ml_platform.registry.champion import champion
from ml_platform.registry.rollout import rollout_of
from ml_platform.reporting.mlflow.client import open_client
from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.reporting.status import project_status
from tests.dagster.shop import Shop
from tests.dagster.test_approval import BOOSTED, MODEL, RULE

NAME = "late_parcel"
STAGES = "online: {rollout: [{shadow: 1h, min_rows: 5}, {canary: 0.2, for: 1h, min_rows: 5}]}"


def count(shop: Shop, errors: int = 0) -> None:
    """Write what a worker would have counted in the present stage."""
    running = rollout_of(shop.project, NAME)
    assert running is not None
    counts = [StageCounts(NAME, running.entered.seq, number) for number in (1, 2)]
    for item in counts:
        for _ in range(20):
            item.predicted(100_000)
    for _ in range(errors):
        counts[1].failed()
    writer = CountsWriter(counts_folder(shop.project))
    writer.write(counts)
    writer.close()


def rolled_out(shop: Shop) -> None:
    shop.edit(MODEL, BOOSTED, RULE)
    shop.edit(MODEL, "release: {", "release: {changed_declaration: {champion: ignore}, ")
    shop.edit(MODEL, 'gates: {auc: ">= 0.55"}', "gates: {}")
    shop.edit(MODEL, 'batch: "0 * * * * UTC"', f'batch: "0 * * * * UTC", {STAGES}')
    outcome = shop.run(f"retrain_{NAME}")
    assert outcome.success, outcome.problems


def checks(shop: Shop) -> dict[str, bool]:
    """Return what the checks of the last judgement said."""
    result = shop.materialize(f"{NAME}/rollout")
    assert result.success
    return {item.check_name: item.passed for item in result.get_asset_check_evaluations()}


def test_a_candidate_goes_through_its_stages_and_is_champion_then(shop: Shop) -> None:
    rolled_out(shop)
    facts = shop.metadata(f"{NAME}/deployment")
    assert (facts["version"], facts["not deployed"]) == (
        f"{NAME}@1",
        f"{NAME}@2 is a candidate in stage 1 of 2, shadow for 1h",
    )
    count(shop)
    assert shop.run("judge_rollouts").success
    assert shop.metadata(f"{NAME}/rollout")["reason"] == "the stage has 1h left"
    shop.advance(hours=1)
    assert shop.run("judge_rollouts").success
    assert shop.metadata(f"{NAME}/rollout")["now"].endswith("in stage 2 of 2, canary with 20 % of the entities for 1h")
    assert str(champion(shop.project, NAME)) == f"{NAME}@1"
    newest = model_overview(shop.project, NAME, shop.project.clock.now()).versions[0]
    assert newest.text == "version 2 is in rollout: stage 2 of 2, canary with 20 % of the entities for 1h"
    count(shop)
    shop.advance(hours=1)
    status = {item.name: item for item in project_status(shop.project, shop.project.clock.now()).models}
    assert "stage 2 of 2" in (status[NAME].rollout or "")
    assert checks(shop) == {"limits": True, "money": True}
    assert str(champion(shop.project, NAME)) == f"{NAME}@2"
    assert "begin rollout" in shop.metadata(f"{NAME}/rollout")["ledger"]
    client = open_client(shop.project)
    mirrored = client.get_model_version_by_alias(f"{shop.project.spec.name}.{NAME}", "champion")
    assert mirrored.tags["ml_platform.version"] == "2"
    outcome = shop.run("update_everything")
    assert outcome.success, outcome.problems
    assert shop.metadata(f"{NAME}/deployment")["version"] == f"{NAME}@2"


def test_a_candidate_that_makes_errors_is_removed_and_stays_out(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    rolled_out(shop)
    count(shop, errors=3)
    assert "is a candidate in stage 1 of 2" in shop.metadata(f"{NAME}/deployment")["not deployed"]
    assert checks(shop) == {"limits": False, "money": True}
    assert rollout_of(shop.project, NAME) is None
    shown = shop.metadata(f"{NAME}/deployment")["not deployed"]  # which named the candidate's stage until now
    assert shown.startswith("version 2 was not deployed: its rollout was ended: it could not answer 3 of 23 rows")
    assert shop.metadata(f"{NAME}/rollout")["latency (ms)"] == pytest.approx(0.1, rel=0.05)
    outcome = shop.run(f"retrain_{NAME}")
    assert outcome.success, outcome.problems
    assert rollout_of(shop.project, NAME) is None
    facts = shop.metadata(f"{NAME}/deployment")
    ended = "its rollout was ended: it could not answer 3 of 23 rows that the champion can answer"
    assert ended in facts["not deployed"]
    assert str(champion(shop.project, NAME)) == f"{NAME}@1"
    removed = model_overview(shop.project, NAME, shop.project.clock.now()).versions[0]
    reason, _, beside = removed.text.partition("; the limit is 0.1 %; ")
    assert reason == f"version 2 was not deployed: {ended}"
    assert beside.startswith("it earned ")  # what decided comes first
    show_status(shop.root, NAME, as_json=False)
    assert "meets its gates and the release rule: not deployed\n" in capsys.readouterr().out
