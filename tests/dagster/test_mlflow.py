"""MLflow through dagster-mlflow: one run for a version, FAILED where training failed, and training never waits."""

from __future__ import annotations

import socket
import time

import mlflow
import pytest

from ml_platform.registry.champion import champion
from ml_platform.reporting.mlflow.client import open_client, open_experiment
from ml_platform.reporting.mlflow.outbox import deliver, waiting
from ml_platform.reporting.mlflow.runs import tracked_run
from ml_platform.storage.versions import versions
from tests.dagster.shop import Shop
from tests.servers import mlflow_server

MODEL = "models/late_parcel.yaml"


def runs(shop: Shop, model: str = "late_parcel") -> dict[str, str]:
    client = open_client(shop.project)
    runs_of_model = client.search_runs([open_experiment(shop.project, client, model)])
    return {run.info.run_name: run.info.status for run in runs_of_model}


def test_a_failing_training_is_one_failed_run_and_nothing_leaks_into_the_next(shop: Shop) -> None:
    shop.edit(MODEL, "num_leaves: 7", "num_leaves: 7, max_bin_by_feature: [9]")  # one for each column is asked for
    assert not shop.materialize("late_parcel/trained_model").success
    assert sorted(runs(shop).values()) == ["FAILED", "FINISHED"]
    assert mlflow.active_run() is None
    assert shop.materialize("lateness/trained_model").success  # reused: opens no run
    assert runs(shop, "lateness") == {"lateness@1": "FINISHED"}
    assert len(runs(shop)) == 2


def test_a_changed_declaration_is_a_second_version_with_a_separate_run(shop: Shop) -> None:
    shop.edit(MODEL, "num_iterations: 60", "num_iterations: 61")
    result = shop.materialize("late_parcel/trained_model")
    assert result.success
    assert runs(shop) == {"late_parcel@1": "FINISHED", "late_parcel@2": "FINISHED"}
    link = tracked_run(shop.project.database, "late_parcel", versions(shop.project, "late_parcel")[1].id)
    assert link is not None
    run = open_client(shop.project).get_run(link.run_id)
    assert run.data.tags["dagster_run_id"] == result.run_id  # it was dagster-mlflow that opened it
    assert mlflow.active_run() is None


@pytest.mark.server
def test_with_mlflow_out_of_reach_training_continues_and_is_recorded_later(shop: Shop) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shop.edit(MODEL, "num_iterations: 60", "num_iterations: 61")
    usual = time.monotonic()
    assert shop.materialize("late_parcel/trained_model").success
    usual = time.monotonic() - usual

    shop.edit(MODEL, "num_iterations: 61", "num_iterations: 62")
    url = f"http://127.0.0.1:{port}"
    shop.edit("project.yaml", "owner: team:shop\n", f"owner: team:shop\nstorage: {{mlflow: '{url}'}}\n")
    began = time.monotonic()
    outcome = shop.run("retrain_late_parcel")
    assert not outcome.failed, outcome.problems
    assert time.monotonic() - began < usual + 30  # the whole job; the training alone is asserted below
    trained = next(line for line in shop.lines if line.get("step") == "late_parcel/trained_model" and "seconds" in line)
    assert trained["seconds"] < usual + 10
    assert {record.stage for _, record in waiting(shop.project)} >= {"training", "evaluation"}
    version = versions(shop.project, "late_parcel")[-1]
    assert tracked_run(shop.project.database, "late_parcel", version.id) is None

    with mlflow_server(shop.root / "server", port):
        result = shop.definitions.resolve_job_def("deliver_to_mlflow").execute_in_process(
            instance=shop.instance, raise_on_error=False
        )
        assert result.success
        assert waiting(shop.project) == []
        assert runs(shop) == {str(version): "FINISHED"}
        tracked = tracked_run(shop.project.database, "late_parcel", version.id)
        assert tracked is not None
        assert open_client(shop.project).list_artifacts(tracked.run_id, "model/predictor")
        assert deliver(shop.project).delivered == 0


def test_the_champion_is_the_same_with_and_without_mlflow(untouched: Shop) -> None:
    assert str(champion(untouched.project, "late_parcel")) == "late_parcel@1"
