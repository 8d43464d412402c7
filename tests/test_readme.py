"""The README's own project, written from its text alone into an empty folder, runs end to end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_NAMED = re.compile(r"# ([\w/]+\.(?:ya?ml|py))\n")


def blocks(language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(README.read_text()) if found == language]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the README shows, each under the name in its first line; the data drawn by its script."""
    folder = tmp_path_factory.mktemp("parcels")
    for text in [*blocks("yaml"), *blocks("python")]:
        named = _NAMED.match(text)
        assert named, f"a block of the README has no file name: {text[:60]}"
        path = folder / named.group(1)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    subprocess.run([sys.executable, "make_data.py"], cwd=folder, check=True)
    return folder


def command(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).parent / "ml-platform")
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    words = [program, *line.split()[1:]]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=400)


@pytest.mark.dagster
def test_every_command_that_the_readme_shows_does_what_it_says(folder: Path) -> None:
    shown = [line.removeprefix("$ ") for text in blocks("console") for line in text.splitlines()]
    lines = [line for line in shown if line.startswith("ml-platform")]
    assert [line.split()[1] for line in lines] == ["validate", "run", "advance", "status", "predictions"]
    told = {}
    for line in lines:
        done = command(folder, line)
        assert done.returncode == 0, f"{line}:\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        told[line.split()[1]] = done.stdout
    assert "parcels is valid: 2 sources, 1 feature tables, 1 models." in told["validate"]
    assert "late_parcel/deployment" in told["run"]
    assert "in charge: version 1" in told["status"]
    assert "late_parcel.20240220." in told["predictions"]


@pytest.mark.dagster
def test_machines_can_read_how_the_project_stands(folder: Path) -> None:
    status = json.loads(command(folder, "ml-platform status --json").stdout)
    assert [model["name"] for model in status["models"]] == ["late_parcel"]
    assert status["models"][0]["champion"]["version"] == 1
    rows = json.loads(command(folder, "ml-platform predictions late_parcel --limit 3 --json").stdout)
    assert len(rows) == 3
    assert {"prediction_id", "score", "action", "version"} <= set(rows[0])


@pytest.mark.dagster
def test_a_second_run_finds_nothing_to_do_and_says_so(folder: Path) -> None:
    done = command(folder, "ml-platform run")
    assert done.returncode == 0
    assert "Nothing to do" in done.stdout
