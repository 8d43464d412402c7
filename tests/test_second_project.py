"""A project that is written by hand from the tutorial alone: its files and its commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_platform.cli.run import simulated
from ml_platform.cli.run_unchanged import unchanged_events
from ml_platform.project import open_project

SECTION = (Path(__file__).parents[1] / "docs/tutorials/by-hand.md").read_text()


def write_files(directory: Path) -> None:
    """Write every file of the section: each block names its file in its first line."""
    for name, text in re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", SECTION, re.DOTALL):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def run(directory: Path, command: str) -> str:
    """Run a command as a newcomer does, in the project's folder, with the environment's own programs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command.split(), cwd=directory, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after all of the tutorial's commands."""
    directory = tmp_path_factory.mktemp("parcels")
    write_files(directory)
    for command in commands():
        run(directory, command)
    return directory


def answer(directory: Path, command: str) -> Any:
    return json.loads(run(directory, f"{command} --json"))


def test_the_tutorial_writes_a_whole_project(tmp_path: Path) -> None:
    write_files(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"project.yaml", "make_data.py", "sources/orders.yaml", "sources/deliveries.yaml"} <= written
    assert {"features/courier_recent.yaml", "models/late_parcel.yaml"} <= written
    assert [command.split()[1] for command in commands() if command.startswith("ml-platform")][:3] == [
        "validate",
        "plan",
        "run",
    ]


@pytest.mark.dagster
def test_its_model_is_deployed_and_earns_money(parcels: Path) -> None:
    model = answer(parcels, "ml-platform status")["models"][0]
    assert model["name"] == "late_parcel"
    assert model["champion"]["version"] == 1
    assert model["champion"]["value"]["value_per_row"] > 0


@pytest.mark.dagster
def test_after_a_day_every_order_of_that_day_was_scored_once(parcels: Path) -> None:
    """Orders come every 20 minutes, and runs every full hour ask about the last three: 24 x 3 on the first day.

    The second run's last hour is the midnight after, with three more.
    """
    everything = answer(parcels, "ml-platform predictions late_parcel --limit 1000")["predictions"]
    first_day = answer(parcels, "ml-platform predictions late_parcel --limit 1000 --day 2024-02-20")["predictions"]
    assert len(everything) == 75
    assert len(first_day) == 72
    assert {row["order_id"] for row in everything} == set(range(50 * 72 - 3, 51 * 72))
    assert all(row["action"] == ("upgrade" if row["score"] * 9 > 4 else "wait") for row in everything)


@pytest.mark.dagster
def test_another_run_has_nothing_to_do_and_reports_that(parcels: Path) -> None:
    assert "Nothing to do: all" in run(parcels, "ml-platform run")


@pytest.mark.dagster
def test_a_run_without_work_reports_the_steps_and_ids_that_dagster_reports(parcels: Path) -> None:
    events = unchanged_events(open_project(parcels))
    assert events is not None
    command = f"{sys.executable} -m ml_platform_dagster.jobs.run --project {parcels}"
    lines = [json.loads(line) for line in run(parcels, command).splitlines()]
    done = [line for line in lines if line["event"] == "done"]
    assert all(line["reused"] for line in done)
    assert {line["step"]: line["id"] for line in done} == {
        event["step"]: event["id"] for event in events if event["event"] == "done"
    }


@pytest.mark.dagster
def test_a_run_with_work_or_without_dagsters_record_is_one_of_dagster(parcels: Path) -> None:
    ready = parcels / ".ml_platform/dagster/storage.ready"
    text = ready.read_text()
    ready.unlink()
    assert unchanged_events(open_project(parcels)) is None
    ready.write_text(text)
    assert unchanged_events(open_project(parcels)) is not None
    source = parcels / "sources/orders.yaml"
    text = source.read_text()
    source.write_text(f"{text}# an edit that decides no step, as an expectation does not\n")
    assert unchanged_events(open_project(parcels)) is None
    source.write_text(text)
    project = open_project(parcels)
    assert unchanged_events(project, only=["sources/orders"]) is not None
    table = parcels / "features/courier_recent.yaml"
    text = table.read_text()
    table.write_text(text.replace("7d", "9d"))
    run(parcels, "ml-platform run --select features/courier_recent")
    table.write_text(text)
    project = open_project(parcels)
    assert unchanged_events(project) is None, "a step of other declarations ran since"
    run(parcels, "ml-platform run")
    project = open_project(parcels)
    assert unchanged_events(project) is not None
    simulated(project).advance(timedelta(days=1))
    assert unchanged_events(project) is None
    assert unchanged_events(project, only=["features/courier_recent"]) is None
