"""A project that was moved or copied writes and finds MLflow's files at its new place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml_platform.reporting.mlflow.client import artifact_folder, open_client, open_experiment
from tests.reporting.mlflow.test_runs import project_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]  # MLflow's own models


def test_files_of_old_and_new_runs_lie_in_the_copy(tmp_path: Path) -> None:
    text = tmp_path / "note.txt"
    text.write_text("a note")
    first = project_at(tmp_path / "first place")  # a space is written %20 in an address
    client = open_client(first)
    old = client.create_run(open_experiment(first, client, "late")).info.run_id
    client.log_artifact(old, str(text))

    shutil.copytree(tmp_path / "first place", tmp_path / "second")
    second = project_at(tmp_path / "second")
    client = open_client(second)
    new = client.create_run(open_experiment(second, client, "late")).info.run_id
    client.log_artifact(new, str(text))
    here = artifact_folder(second)
    assert sorted(path.relative_to(here).as_posix() for path in here.rglob("note.txt")) == sorted(
        f"late/{run}/artifacts/note.txt" for run in (old, new)
    )
    assert client.get_run(old).info.artifact_uri == f"{here.as_uri()}/late/{old}/artifacts"
    assert len(list(artifact_folder(first).rglob("note.txt"))) == 1
    shutil.rmtree(tmp_path / "first place")
    assert [item.path for item in client.list_artifacts(old)] == ["note.txt"]


def test_the_first_place_of_a_copy_keeps_its_addresses(tmp_path: Path) -> None:
    first = project_at(tmp_path / "first")
    client = open_client(first)
    run = client.create_run(open_experiment(first, client, "late")).info.run_id
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    open_client(project_at(tmp_path / "second"))
    uri = open_client(first).get_run(run).info.artifact_uri
    assert uri == f"{artifact_folder(first).as_uri()}/late/{run}/artifacts"
