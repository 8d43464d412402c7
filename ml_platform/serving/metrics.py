"""Figures of the service for Prometheus, and its log lines."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import uuid
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from ml_platform.core.secrets import redact
from ml_platform.serving.problems import RequestProblem

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names the folder in which all workers count. The library reads it when imported."""
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_BOUNDS = (*_SECONDS, float("inf"))


class Metrics:
    """What one worker counts. `text` sums all workers up."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        inside = None if FOLDER in os.environ else self._registry
        self._seconds = Histogram(
            "ml_platform_request_seconds",
            "Time from the first byte to the answer",
            ["route"],
            buckets=_SECONDS,
            registry=inside,
        )
        self._answers = Counter(
            "ml_platform_answers", "Answers by route and status", ["route", "status"], registry=inside
        )
        self._predictions = Counter(
            "ml_platform_predictions", "Predictions by model and version", ["model", "version"], registry=inside
        )
        self._version = Gauge(
            "ml_platform_serving_version",
            "The smallest version that a worker answers with",
            ["model"],
            multiprocess_mode="livemin",
            registry=inside,
        )
        self._workers = Gauge(
            "ml_platform_serving_workers",
            "Workers that answer with a version",
            ["model", "version"],
            multiprocess_mode="livesum",
            registry=inside,
        )
        self._served: dict[str, int] = {}
        self._tick_age = Gauge(
            "ml_platform_feature_age_seconds",
            "Age of the published tick",
            ["table"],
            multiprocess_mode="livemostrecent",
            registry=inside,
        )
        self._answered: dict[tuple[str, int], list[float]] = {}
        self._predicted: dict[tuple[str, int], int] = {}

    def begin(self) -> float:
        """Return when a request began."""
        return time.perf_counter()

    def end(self, begun: float, route: str, status: int) -> float:
        """Count an answer, and return the seconds that it took."""
        seconds = time.perf_counter() - begun
        key = (route, status)
        if key in self._answered:
            self._answered[key].append(seconds)
        else:
            self._answered[key] = [seconds]
        return seconds

    def predicted(self, model: str, version: int, rows: int) -> None:
        """Count predictions."""
        key = (model, version)
        self._predicted[key] = self._predicted.get(key, 0) + rows

    def publish(self) -> None:
        """Let all workers see what was counted since the last time; to write each figure at once takes microseconds."""
        answered, self._answered = self._answered, {}
        predicted, self._predicted = self._predicted, {}
        for (route, status), taken in answered.items():
            self._answers.labels(route, str(status)).inc(len(taken))
            _observe(self._seconds.labels(route), taken)
        for (model, version), rows in predicted.items():
            self._predictions.labels(model, str(version)).inc(rows)

    def serves(self, model: str, version: int) -> None:
        """Record which version answers."""
        before = self._served.get(model)
        if before == version:
            return
        if before is not None:
            self._workers.labels(model, str(before)).set(0)
        self._workers.labels(model, str(version)).set(1)
        self._version.labels(model).set(version)
        self._served[model] = version

    def feature_age(self, table: str, seconds: float) -> None:
        """Record how old a published table is."""
        self._tick_age.labels(table).set(seconds)

    def unexpected(self, route: str, error: BaseException) -> RequestProblem:
        """Write a line about an unexpected error, and return what the client receives: where to look."""
        id = uuid.uuid4().hex[:12]
        log_line("error", route=route, error_id=id, error=redact("".join(traceback.format_exception(error))))
        return RequestProblem(500, "unexpected", f"the service failed; its log has the reason at error_id {id}.")

    def text(self) -> bytes:
        """Return the figures of all workers."""
        self.publish()
        registry = self._registry
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=os.environ[FOLDER])  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _observe(histogram: Any, values: list[float]) -> None:
    """Observe many values at once, which the library offers for one."""
    buckets = Counts(bisect_left(_BOUNDS, value) for value in values)
    for place, count in buckets.items():
        histogram._buckets[place].inc(count)
    histogram._sum.inc(sum(values))


def log_line(event: str, **facts: Any) -> None:
    """Write one line of JSON to the standard error."""
    line: Mapping[str, Any] = {"at": time.time(), "event": event, "worker": os.getpid(), **facts}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def metrics_folder(state: Path) -> Path:
    """Return where the workers count together."""
    return state / "serving" / "metrics"


def forget_worker(state: Path, pid: int) -> None:
    """Remove the gauges of a worker that has ended: it answers with no version. What it counted stays in the sums."""
    mark_process_dead(pid, str(metrics_folder(state)))  # type: ignore[no-untyped-call]
