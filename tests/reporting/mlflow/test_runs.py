"""What MLflow learns of versions, and when."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.project import Project
from ml_platform.registry.champion import champion_ref
from ml_platform.reporting.mlflow.client import open_client, open_experiment, prepare_tracking
from ml_platform.reporting.mlflow.outbox import deliver, keep, track, waiting
from ml_platform.reporting.mlflow.runs import Record, tracked_run, write_run
from ml_platform.storage.refs import move_ref, read_ref
from tests.reporting.mlflow.records import NOW, evaluated, project_at, trained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]  # MLflow's own models


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mlflow")
    prepare_tracking(project_at(root))
    return root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    shutil.copytree(template, tmp_path / "project")
    return project_at(tmp_path / "project")


def test_a_version_becomes_one_finished_run_with_all_that_describes_it(project: Project) -> None:
    assert track(project, trained(project)).delivered == 1
    client, link = open_client(project), tracked_run(project.database, "late_parcel", "a" * 64)
    assert link is not None
    run = client.get_run(link.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "late_parcel@1")
    assert run.info.end_time - run.info.start_time == 120_000
    assert run.data.params == {"num_leaves": "7"}
    assert run.data.metrics == {"validate_auc": 0.7}
    assert run.data.tags["as_of"] == "2024-03-01"
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.digest, dataset.dataset.source) == ("b" * 36, "snapshot/" + "b" * 64)
    assert {file.path for file in client.list_artifacts(link.run_id, "model")} == {"model/trees.txt"}
    assert (
        project.state / f"mlflow-artifacts/late_parcel/{link.run_id}/artifacts/model/trees.txt"
    ).read_text() == "tree"
    assert link.url("http://127.0.0.1:5000/") == (
        f"http://127.0.0.1:5000/#/experiments/{link.experiment_id}/runs/{link.run_id}?workflowType=machine_learning"
    )


def test_reporting_twice_makes_one_run(project: Project) -> None:
    track(project, trained(project))
    track(project, trained(project))
    client = open_client(project)
    assert len(client.search_runs([open_experiment(project, client, "late_parcel")])) == 1


def test_a_second_fit_of_the_same_version_leaves_one_run(project: Project) -> None:
    track(project, trained(project))
    client = open_client(project)
    begun = client.create_run(open_experiment(project, client, "late_parcel")).info.run_id
    track(project, trained(project, run_id=begun))
    link = tracked_run(project.database, "late_parcel", "a" * 64)
    runs = client.search_runs([open_experiment(project, client, "late_parcel")])
    assert [run.info.run_id for run in runs] == [link.run_id if link else None]


def test_later_stages_add_to_the_same_run(project: Project) -> None:
    track(project, trained(project))
    track(project, evaluated())
    link = tracked_run(project.database, "late_parcel", "a" * 64)
    assert link is not None
    assert open_client(project).get_run(link.run_id).data.metrics == {"validate_auc": 0.7, "auc": 0.66}


def test_the_registry_of_mlflow_mirrors_versions_and_the_champion(project: Project) -> None:
    for number, key in ((1, "a" * 64), (2, "c" * 64)):
        tags = {"ml_platform.version": str(number)}
        for _ in range(2):  # what is told twice is one version
            track(
                project, trained(project, key=key, name=f"late_parcel@{number}", tags=tags, description=f"No. {number}")
            )
    client, name = open_client(project), f"{project.spec.name}.late_parcel"
    versions_by_number = {
        version.tags["ml_platform.version"]: version for version in client.search_model_versions(f"name = '{name}'")
    }
    assert {number: version.description for number, version in versions_by_number.items()} == {
        "1": "No. 1\n\n[Page of late_parcel](/open/page/late_parcel)",
        "2": "No. 2\n\n[Page of late_parcel](/open/page/late_parcel)",
    }
    link = tracked_run(project.database, "late_parcel", "c" * 64)
    assert link is not None
    assert versions_by_number["2"].run_id == link.run_id
    assert client.get_run(link.run_id).data.tags["mlflow.note.content"] == versions_by_number["2"].description
    judged = "**late_parcel@2** is not deployed: auc 0.53."
    track(project, Record("late_parcel", "c" * 64, "evaluation", "late_parcel@2", NOW, NOW, description=judged))
    later = client.get_model_version(name, versions_by_number["2"].version)
    assert later.description == f"{judged}\n\n[Page of late_parcel](/open/page/late_parcel)"
    assert client.get_model_version(name, versions_by_number["1"].version).description.startswith("No. 1")
    note = client.get_experiment(link.experiment_id).tags["mlflow.note.content"]
    assert note.startswith("Every trained version of late_parcel, a run each.")
    assert note.endswith("[Page of late_parcel](/open/page/late_parcel)")
    for number, key in ((2, "c" * 64), (1, "a" * 64)):
        become_champion(project, key)
        track(project, Record("late_parcel", key, "deployment", f"late_parcel@{number}", NOW, NOW))
        assert mirrored_champion(project) == str(number)


def become_champion(project: Project, key: str) -> None:
    ref = champion_ref("late_parcel")
    expected = read_ref(project.database, ref)
    move_ref(project.database, ref, expected=expected, to=key, at=NOW, actor="t", action="deploy", reason="t", facts={})


def mirrored_champion(project: Project) -> str | None:
    model = open_client(project).get_registered_model(f"{project.spec.name}.late_parcel")
    if "champion" not in model.aliases:
        return None
    version = open_client(project).get_model_version(model.name, model.aliases["champion"])
    return str(version.tags["ml_platform.version"])


def test_a_record_that_comes_late_does_not_bring_a_former_champion_back(project: Project) -> None:
    """The record of version 1 was refused at first, and is delivered after that of version 2."""
    for number, key in ((1, "a" * 64), (2, "c" * 64)):
        track(project, trained(project, key=key, tags={"ml_platform.version": str(number)}))
        become_champion(project, key)
    track(project, Record("late_parcel", "c" * 64, "deployment", "late_parcel@2", NOW, NOW))
    track(project, Record("late_parcel", "a" * 64, "deployment", "late_parcel@1", NOW, NOW))
    assert mirrored_champion(project) == "2"


def test_a_champion_that_mlflow_does_not_have_leaves_no_other_version_as_champion(project: Project) -> None:
    track(project, trained(project, tags={"ml_platform.version": "1"}))
    become_champion(project, "a" * 64)
    track(project, evaluated())
    assert mirrored_champion(project) == "1"
    become_champion(project, "c" * 64)
    track(project, evaluated())
    assert mirrored_champion(project) is None
    track(project, trained(project, key="c" * 64, tags={"ml_platform.version": "2"}))
    assert mirrored_champion(project) == "2"


def test_figures_of_several_days_are_points_of_a_line(project: Project) -> None:
    track(project, trained(project))
    days = [NOW + timedelta(days=day) for day in range(3)]
    for step, day in enumerate(days):
        gain = {"realized.gain": 10.0 * step}
        record = Record("late_parcel", "a" * 64, "monitoring", "late_parcel@1", NOW, NOW, metrics=gain)
        track(project, replace(record, step=step, measured=day))
    link = tracked_run(project.database, "late_parcel", "a" * 64)
    assert link is not None
    points = open_client(project).get_metric_history(link.run_id, "realized.gain")
    assert [(point.step, point.value) for point in points] == [(0, 0.0), (1, 10.0), (2, 20.0)]
    assert [point.timestamp for point in points] == [int(day.timestamp() * 1000) for day in days]


def test_a_failed_training_is_a_failed_run_without_a_version(project: Project) -> None:
    track(project, trained(project, key="dagster-run", status="FAILED", tags={"error": "one class"}))
    client = open_client(project)
    (run,) = client.search_runs([open_experiment(project, client, "late_parcel")])
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "one class")
    assert tracked_run(project.database, "late_parcel", "dagster-run") is None


def test_what_mlflow_refuses_waits_and_holds_up_nothing_else(project: Project) -> None:
    keep(project, trained(project, run_id="no-such-run"))
    keep(project, evaluated())
    keep(project, trained(project, key="c" * 64))
    delivery = deliver(project)
    assert (delivery.delivered, delivery.waiting) == (1, 2)
    assert "no-such-run" in (delivery.problem or "")
    assert [record.stage for _, record in waiting(project)] == ["training", "evaluation"]


def test_a_prepared_database_is_not_migrated_twice(project: Project) -> None:
    began = time.monotonic()
    prepare_tracking(project)
    assert time.monotonic() - began < 0.5


def test_writing_a_run_is_idempotent_after_an_interruption(project: Project) -> None:
    first = write_run(project, trained(project))
    assert write_run(project, trained(project)) == first
