"""How each module that runs as ``python -m`` ends where the operating system refuses something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ml_platform.cli.verify import show_verification
from ml_platform.project import open_project
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform_dagster.jobs.instance import open_instance
from tests.worlds import write_shop


@pytest.mark.parametrize("module", ["run", "instance", "anchors"])
def test_what_the_operating_system_refuses_is_one_sentence_and_code_one(module: str, tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    lock = root / ".ml_platform/dagster/storage.lock"
    lock.mkdir(parents=True)
    command = [sys.executable, "-m", f"ml_platform_dagster.jobs.{module}", "--project", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"{lock}: Is a directory. Correct the path."
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["run", "instance", "anchors"])
def test_a_folder_without_a_project_is_no_traceback_and_code_one(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"ml_platform_dagster.jobs.{module}", "--project", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no project.yaml in {tmp_path}. Give the folder of a project" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_storage_of_dagster_that_fails_in_the_middle_is_one_sentence(tmp_path: Path) -> None:
    project = open_project(write_shop(tmp_path / "shop", days=1))
    home = project.state / "dagster"
    with pytest.raises(DatabaseUnavailable) as caught, open_instance(project) as instance:
        _use_damaged(instance, home / "history/runs.db")
    assert str(caught.value) == (
        f"database of Dagster in {home.resolve()}: file is not a database. "
        "The file is damaged or is no SQLite database. Restore it from a copy."
    )


def _use_damaged(instance: dg.DagsterInstance, file: Path) -> None:
    file.write_bytes(b"this is no database" * 1000)
    instance.get_runs()


def test_an_event_log_that_cannot_be_read_is_damage_and_the_rest_is_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    database = root / ".ml_platform/dagster/history/runs.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"this is no database" * 1000)
    (root / ".ml_platform/store/objects/ab").mkdir(parents=True)
    (root / ".ml_platform/store/objects/ab/notes").write_text("?")
    assert show_verification(root, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["damage_counts"] == {"surplus file": 1, "damaged event log": 1}
    assert document["damages"][1]["problem"] == (
        f"it cannot be read: database {database}: file is not a database. Restore the file from a copy"
    )


def test_a_run_stops_where_the_store_knows_a_later_ledger_than_the_database(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    note = root / ".ml_platform/store/anchors/ledger/000000001.json"
    note.parent.mkdir(parents=True)
    note.write_text("{}")
    command = [sys.executable, "-m", "ml_platform_dagster.jobs.run", "--project", str(root), "--job", "ingest_sources"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "it ends at line 0, and the store has anchors/ledger/000000001.json" in done.stderr
    assert "Traceback" not in done.stderr
