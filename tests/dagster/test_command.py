"""How each module that runs as ``python -m`` ends where the operating system refuses something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
