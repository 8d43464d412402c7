"""The command that runs a job: lines for a machine, exit codes, Ctrl-C, and what a killed run leaves."""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ml_platform.project import open_project
from ml_platform.storage.exclusive import exclusive
from ml_platform_dagster.jobs.instance import open_instance
from ml_platform_dagster.jobs.orphaned_runs import end_dead_runs
from tests.dagster.shop import Shop
from tests.worlds import write_shop

SLOW = """
import time
import pandas as pd

def rows():
    time.sleep(60)
    return pd.DataFrame()
"""


def command(root: Path, job: str) -> list[str]:
    return [sys.executable, "-m", "ml_platform_dagster.jobs.run", "--project", str(root), "--job", job]


def test_functions_of_scipy_come_before_the_thousands_of_other_modules_that_skops_would_search() -> None:
    code = "import sys; import ml_platform_dagster.jobs.run; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    order = ran.stdout.split()
    assert order.index("scipy.special") < order.index("dagster")


def test_every_line_is_json_and_the_code_is_zero(shop: Shop) -> None:
    ran = subprocess.run(command(shop.root, "score_late_parcel"), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [lines[0]["event"], lines[-1]["event"]] == ["run", "end"]
    done = [line for line in lines if line["event"] == "done"]
    assert [line["step"] for line in done] == lines[0]["steps"]
    assert all(len(line["id"]) == 64 for line in done)


def test_a_failure_is_one_clear_message_and_code_one(shop: Shop) -> None:
    (shop.root / "data/orders.csv").unlink()
    ran = subprocess.run(command(shop.root, "ingest_sources"), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    failed = [json.loads(line) for line in ran.stdout.splitlines() if '"failed"' in line]
    assert failed[0]["step"] == "sources/orders"
    assert failed[0]["error"].startswith("source orders: data/orders.csv")
    assert "Traceback" not in ran.stdout + ran.stderr


def test_an_unknown_job_is_named_with_the_nearest(shop: Shop) -> None:
    ran = subprocess.run(command(shop.root, "update_everythin"), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    problem = "there is no job 'update_everythin'. Did you mean update_everything?"
    assert ran.stderr.strip().splitlines()[-2] == problem


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A shop whose deliveries take a minute to read."""
    root = write_shop(tmp_path / "shop", days=1)
    (root / "slow.py").write_text(SLOW)
    path = root / "sources/deliveries.yaml"
    path.write_text(path.read_text().replace("reader: {csv: data/deliveries.csv}", "reader: {python: 'slow:rows'}"))
    return root


def begin(root: Path) -> subprocess.Popen[str]:
    """Start an ingest and wait until the slow step has begun."""
    process = subprocess.Popen(
        command(root, "ingest_sources"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line) == {"event": "start", "step": "sources/deliveries"}:
            time.sleep(1)
            return process
    raise AssertionError("the step did not begin")


def statuses(root: Path) -> list[str]:
    with open_instance(open_project(root)) as instance:
        return [run.status.value for run in instance.get_runs()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_does_not_stay_started(slow: Path, number: signal.Signals) -> None:
    process = begin(slow)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert statuses(slow) == ["FAILURE"]


def test_what_a_killed_run_leaves_is_cleared_by_the_next(slow: Path) -> None:
    process = begin(slow)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert statuses(slow) == ["STARTED"]
    with open_instance(open_project(slow)) as instance:
        assert len(end_dead_runs(instance)) == 1
        assert end_dead_runs(instance) == []
    assert statuses(slow) == ["FAILURE"]


def test_a_second_run_waits_while_a_source_is_being_read(shop: Shop) -> None:
    with exclusive(shop.project.database, shop.project.state, "sources_deliveries"):
        process = subprocess.Popen(
            command(shop.root, "ingest_sources"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        lines = iter(process.stdout)
        before = [next(lines) for _ in range(2)]
        assert json.loads(before[-1]) == {"event": "start", "step": "sources/deliveries"}
        readable, _, _ = select.select([process.stdout], [], [], 2)
        assert not readable  # the step does not end
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    done = [line["step"] for line in map(json.loads, rest.splitlines()) if line["event"] == "done"]
    assert done == ["sources/deliveries", "sources/orders", "features/courier_recent"]


def test_two_runs_that_start_together_in_a_fresh_project_both_succeed(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    both = [
        subprocess.Popen(command(root, "ingest_sources"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert statuses(root) == ["SUCCESS", "SUCCESS"]
    ran = subprocess.run(command(root, "ingest_sources"), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_an_instance_that_two_processes_created_at_once_is_repaired(tmp_path: Path) -> None:
    project = open_project(write_shop(tmp_path / "shop", days=1))
    with open_instance(project):
        pass
    file = project.state / "dagster/history/runs.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        # what Dagster's second process adds where the first has created the tables and not yet recorded so
        connection.execute("INSERT INTO alembic_version VALUES ('5771160a95ad')")
    with open_instance(project) as instance:
        assert instance.get_runs_count() == 0
    with closing(sqlite3.connect(file)) as connection:
        assert len(connection.execute("SELECT * FROM alembic_version").fetchall()) == 1
