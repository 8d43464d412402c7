"""Figures for Prometheus: what is counted at once is what the library counts one by one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from ml_platform.serving import metrics
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.processes import Workers


def test_answers_are_counted_as_the_library_counts_each(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [0.0, 0.0004, 0.0005, 0.00050001, 0.003, 0.05, 0.05, 2.5, 2.6, 1000.0]
    registry = CollectorRegistry()
    expected = Histogram(
        "ml_platform_request_seconds",
        "Time from the first byte to the answer",
        ["route"],
        buckets=metrics._SECONDS,
        registry=registry,
    )
    counted = Metrics()
    now = iter([100.0 + seconds for seconds in taken])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    for number, seconds in enumerate(taken):
        assert counted.end(100.0, "predict", 200) == pytest.approx(seconds)
        expected.labels("predict").observe(100.0 + seconds - 100.0)
        if number % 3 == 0:
            counted.publish()
    monkeypatch.undo()
    wanted = [line for line in generate_latest(registry).decode().splitlines() if "request_seconds_" in line]
    lines = counted.text().decode().splitlines()
    for line in wanted:
        name, _, value = line.rpartition(" ")
        if "_created" not in name:
            (mine,) = [other.rpartition(" ")[2] for other in lines if other.rpartition(" ")[0] == name]
            assert float(mine) == pytest.approx(float(value))


def test_predictions_and_answers_are_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Metrics()
    for rows in (1, 2, 3):
        counted.predicted("churn", 7, rows)
        counted.end(counted.begin(), "predict", 503)
    text = counted.text().decode()
    assert re.search(r'ml_platform_predictions_total\{model="churn",version="7"\} 6\.0', text)
    assert re.search(r'ml_platform_answers_total\{route="predict",status="503"\} 3\.0', text)
    assert counted.text() == counted.text()  # nothing is counted twice


WORKER = """
import os, sys
from ml_platform.serving.metrics import Metrics
counted = Metrics()
for version in sys.argv[1:]:
    counted.serves("churn", int(version))
print(os.getpid())
print(counted.text().decode())
sys.stdout.flush()
os._exit(1)
"""


def worker(state: Path, *served: int) -> tuple[int, dict[str, float]]:
    """Run a worker that serves versions in turn; return its process id and the figures of versions that it gives."""
    environment = {**os.environ, metrics.FOLDER: str(metrics.metrics_folder(state))}
    command = [sys.executable, "-c", WORKER, *map(str, served)]
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.splitlines()
    figures = (line.rpartition(" ") for line in lines[1:] if line.startswith("ml_platform_serving"))
    return int(lines[0]), {name: float(value) for name, _, value in figures}


def test_each_version_has_the_number_of_workers_that_serve_it_and_one_that_ended_counts_no_more(tmp_path: Path) -> None:
    metrics.metrics_folder(tmp_path).mkdir(parents=True)
    hung, _ = worker(tmp_path, 4)
    _, figures = worker(tmp_path, 4, 3)  # after a rollback the smallest version does not show the one that hangs
    assert figures == {
        'ml_platform_serving_version{model="churn"}': 3,
        'ml_platform_serving_workers{model="churn",version="3"}': 1,
        'ml_platform_serving_workers{model="churn",version="4"}': 1,
    }
    ended: Any = SimpleNamespace(poll=lambda: -9, returncode=-9, stdin=None)
    workers = Workers(tmp_path, [], 1, None, _running={hung: (ended, 0.0)})
    workers._start_one = lambda: None  # type: ignore[method-assign]
    workers.check()
    _, figures = worker(tmp_path, 5)
    assert figures['ml_platform_serving_workers{model="churn",version="4"}'] == 0
