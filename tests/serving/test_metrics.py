"""Figures for Prometheus: what is counted at once is what the library counts one by one."""

from __future__ import annotations

import re
import time

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from ml_platform.serving import metrics
from ml_platform.serving.metrics import Metrics


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
