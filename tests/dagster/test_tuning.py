"""A search for parameters in Dagster and MLflow; and the check of a gate that is measured for a deployment."""

from __future__ import annotations

import json
import math
from typing import Any

import dagster as dg
import pytest

from ml_platform.operations.planning.planner import plan_project
from ml_platform.registry.champion import champion
from ml_platform.reporting.mlflow.client import open_client
from ml_platform.reporting.mlflow.runs import tracked_run
from ml_platform.storage.artifact_kinds.tuning import TuningManifest
from ml_platform.storage.outputs import current_output
from tests.dagster.shop import Shop

MODEL = "models/late_parcel.yaml"
GATES = 'gates: {auc: ">= 0.55"}'
TUNING = "tuning: {trials: 3, space: {num_leaves: {low: 3, high: 9}, learning_rate: {low: 0.05, high: 0.2}}}"


@pytest.fixture
def tuned(shop: Shop) -> Shop:
    """The shop with a search, and a latency that no predictor reaches."""
    shop.edit(MODEL, "first: {baselines: ignore}", "changed_declaration: {champion: ignore}")
    shop.edit(MODEL, GATES, f'gates: {{auc: ">= 0.55", latency_ms: "<= 0.000001"}}\n{TUNING}')
    return shop


def latency_check(shop: Shop) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(dg.AssetKey(["late_parcel", "deployment"]), "gate_latency_ms")
    record = shop.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def trial_runs(shop: Shop, trained: str) -> list[Any]:
    run = tracked_run(shop.project.database, "late_parcel", trained)
    assert run is not None
    where = f"tags.`mlflow.parentRunId` = '{run.run_id}'"
    return list(open_client(shop.project).search_runs([run.experiment_id], filter_string=where))


def test_trials_are_seen_in_dagster_and_mlflow_and_a_slow_version_is_refused_with_figure_and_limit(tuned: Shop) -> None:
    outcome = tuned.run("retrain_late_parcel")
    assert outcome.success, outcome.problems
    project = tuned.project
    ids = {kind: str(current_output(project.database, f"late_parcel/{kind}")) for kind in ("tuning", "trained_model")}
    about = TuningManifest.of(project.store.get("tuning", ids["tuning"]))
    facts = tuned.metadata("late_parcel/tuning")
    assert facts["best loss"] == round(about.best_trial.losses[-1], 4)
    assert all(f"| {place} | {trial.state} |" in facts["trials"] for place, trial in enumerate(about.trials, 1))
    assert "/trials.svg" in facts["summary"]
    seen = tuned.instance.fetch_observations(dg.AssetKey(["late_parcel", "tuning"]), limit=10).records
    shown = [item.asset_observation for item in seen]
    assert [item.metadata["trial"].value for item in reversed(shown) if item] == [0, 1, 2, 3]

    children = {run.info.run_name: run for run in trial_runs(tuned, ids["trained_model"])}
    assert set(children) == {"trial 0", "trial 1", "trial 2", "trial 3"}
    for place, trial in enumerate((about.declared, *about.trials)):
        run = children[f"trial {place}"]
        assert run.info.status == "FINISHED"
        assert math.isclose(run.data.metrics["loss"], trial.losses[-1])
        assert run.data.params == {f"params.{name}": str(value) for name, value in trial.params.items()}
        assert run.data.tags["ml_platform.best"] == str(place == (about.best or 0) + (about.best is not None)).lower()

    checked = latency_check(tuned)
    assert (checked.passed, checked.metadata["required"].value) == (False, "at most 1e-06")
    figure: Any = checked.metadata["latency in ms"].value
    assert figure > 0
    assert "latency in ms " in str(tuned.metadata("late_parcel/deployment")["not deployed"])
    alerts = [json.loads(line) for line in (project.state / "alerts.log").read_text().splitlines()]
    assert [item["severity"] for item in alerts if "latency in ms " in item["body"]] == ["ticket"]

    before = champion(project, "late_parcel")
    tuned.edit(MODEL, "<= 0.000001", "<= 1000")
    assert tuned.run("retrain_late_parcel").success
    assert latency_check(tuned).passed
    assert champion(tuned.project, "late_parcel") != before or before is None
    planned = {item.node: item.verdict for item in plan_project(tuned.project, tuned.project.clock.now()).nodes}
    assert planned["late_parcel/tuning"] == planned["late_parcel/trained_model"] == "up to date"
    assert len(trial_runs(tuned, ids["trained_model"])) == 4
