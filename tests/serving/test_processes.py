"""The service as processes: whatever is killed, no answered prediction is missing from the log."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.registry.rollback import roll_back
from ml_platform.storage.prediction_log import read_predictions
from tests.cli.conftest import require_documented
from tests.features.world import at
from tests.serving.world import NOW, ServedWorld, served_world
from tests.up_server import free_port

pytestmark = pytest.mark.slow
PROVE = "ML_PLATFORM_PROVE" in os.environ
KILLS = 300 if PROVE else 8
PROGRAM = str(Path(sys.executable).parent / "ml-platform")
PATH, ROW = "/models/by_ticks/predict", {"shop": "a"}


@dataclass
class Service:
    """A running `ml-platform serve`."""

    url: str
    process: subprocess.Popen[Any]

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        return [child for child in psutil.Process(self.process.pid).children() if child.is_running()]

    def wait(self, seconds: float = 90.0) -> None:
        """Wait until it answers."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                assert self.process.poll() is None, "the service ended"
            time.sleep(0.1)
        raise AssertionError("the service does not answer")


@contextmanager
def started(world: ServedWorld, workers: int = 2, *words: str, **pipes: Any) -> Iterator[Service]:
    """Start the service; it ends with the test, also with one that fails."""
    port = free_port()
    command = [PROGRAM, "serve", str(world.project.root), "--port", str(port), "--workers", str(workers), *words]
    with subprocess.Popen(command, **pipes) as process:
        try:
            yield Service(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()  # its workers end with it


@contextmanager
def running(world: ServedWorld, workers: int = 2) -> Iterator[Service]:
    with started(world, workers) as service:
        service.wait()
        yield service


def stopped(service: Service) -> int:
    service.process.send_signal(signal.SIGINT)
    return service.process.wait(60)


def test_a_program_that_started_the_service_reads_one_line_with_its_address(world: ServedWorld) -> None:
    with started(world, 1, "--json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        line = service.process.stdout.readline()
        require_documented(("serve",), line)
        document = json.loads(line)
        assert (document["address"], [*document["models"]]) == (service.url, ["by_ticks"])
        service.wait()
        assert stopped(service) == 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch, ["by_ticks"])


@dataclass
class Clients:
    """Clients that ask without pause, and remember what they were answered."""

    service: Service
    count: int = 3
    answered: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    versions: list[int] = field(default_factory=list)
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Clients:
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            try:
                answer = session.post(self.service.url + PATH, json=ROW, timeout=30)
            except requests.RequestException:  # its worker was killed before it answered
                self.failed += 1
                session = requests.Session()
                continue
            self.statuses.add(answer.status_code)
            if answer.status_code == 200:
                body = answer.json()
                self.answered.add(body["prediction_id"])
                self.versions.append(body["version"])


def logged(world: ServedWorld) -> set[str]:
    compact_online_log(world.project, NOW)
    return set(read_predictions(world.project, "by_ticks", at(0), at(100))["prediction_id"])


def test_killed_workers_lose_no_answered_prediction_and_others_take_over(world: ServedWorld) -> None:
    drawn = random.Random(1)
    with running(world) as service:
        with Clients(service) as clients:
            for _ in range(KILLS):
                time.sleep(drawn.uniform(0.05, 1.0))
                workers = service.workers()
                if workers:
                    drawn.choice(workers).kill()
                if drawn.random() < 0.3:
                    compact_online_log(world.project, NOW)  # while they write
                until = time.monotonic() + 60
                while len(service.workers()) < 2 and time.monotonic() < until:
                    time.sleep(0.05)
                service.wait()
        assert clients.statuses <= {200, 503}
        assert len(clients.answered) > KILLS
        assert stopped(service) == 0
        assert clients.answered <= logged(world)


def test_a_killed_parent_takes_its_workers_along_and_leaves_the_port_free(world: ServedWorld) -> None:
    with running(world) as service:
        workers = service.workers()
        with Clients(service, 2) as clients:
            time.sleep(0.5)
            service.process.kill()
            service.process.wait()
            psutil.wait_procs(workers, timeout=60)
        assert not any(worker.is_running() for worker in workers)
        assert clients.answered <= logged(world)
    with running(world) as process:
        assert stopped(process) == 0


def test_a_stop_answers_what_was_asked(world: ServedWorld) -> None:
    with running(world, 1) as service:
        with Clients(service, 3) as clients:
            time.sleep(0.5)
            assert stopped(service) == 0
        assert clients.statuses == {200}
        assert clients.answered <= logged(world)


def test_swaps_and_rollbacks_under_load_fail_no_request(world: ServedWorld) -> None:
    swaps = 50 if PROVE else 4
    with running(world, 1) as service:
        made = [world.deploy("by_ticks", seed=seed).number for seed in (1, 2)]
        with Clients(service, 3) as clients:
            for number in range(swaps):
                wanted = world.deploy("by_ticks", seed=1 + number % 2).number
                _wait_for(clients, wanted)
            begun = time.monotonic()
            line = roll_back(world.project, "by_ticks", actor="ada", reason="a test", now=NOW)
            _wait_for(clients, line.facts["version"])
            took = time.monotonic() - begun
        assert (clients.failed, clients.statuses) == (0, {200})
        assert set(clients.versions) >= set(made)
        assert clients.answered <= logged(world)
        assert stopped(service) == 0
        print(json.dumps({"swaps": swaps, "answers": len(clients.answered), "rollback_seconds": took}))


def _wait_for(clients: Clients, version: int) -> None:
    until = time.monotonic() + 60
    while clients.versions[-1:] != [version]:
        assert time.monotonic() < until, f"version {version} never answers"
        time.sleep(0.01)


def test_a_service_that_cannot_be_reached_safely_is_not_started(world: ServedWorld, tmp_path: Path) -> None:
    command = [PROGRAM, "serve", str(world.project.root)]
    open_to_all = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, text=True)
    assert open_to_all.returncode == 1
    assert "ML_PLATFORM_PREDICT_TOKEN" in open_to_all.stderr + open_to_all.stdout
    busy = free_port()
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", busy))
        taken.listen()
        second = subprocess.run([*command, "--port", str(busy)], capture_output=True, text=True)
    assert second.returncode == 1
    assert "cannot listen on 127.0.0.1" in second.stderr + second.stdout
