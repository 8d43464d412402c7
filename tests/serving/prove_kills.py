"""Kill workers and their parent at random moments, hundreds of times: ``python -m tests.serving.prove_kills [KILLS]``.

Clients ask for predictions and post events without pause. Whatever was answered is in the log, and whatever was
accepted is kept.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.storage.posted_rows import posted_rows
from tests.serving.test_processes import Clients, Service, logged, started, stopped
from tests.serving.world import NOW, ServedWorld, served_world

WORKERS, EACH_PARENT = 3, 20


class Events:
    """A client that posts events, and remembers which were accepted."""

    def __init__(self, service: Service, first: int) -> None:
        self._service, self._next, self._stop = service, first, threading.Event()
        self.accepted: set[int] = set()
        self._thread = threading.Thread(target=self._post)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _post(self) -> None:
        while not self._stop.is_set():
            self._next += 1
            row: dict[str, Any] = {"id": self._next, "customer": 1, "visited_at": "2024-05-01T20:00:00Z"}
            try:
                answer = requests.post(f"{self._service.url}/events/visits", json=row, timeout=30)
            except requests.RequestException:
                continue
            if answer.status_code == 200:
                self.accepted.add(self._next)


def kill(world: ServedWorld, kills: int) -> None:
    """Kill workers of services, and in the end most times the parent; compare with the log after each service."""
    drawn, done, answered, accepted = random.Random(kills), 0, set[str](), set[int]()
    while done < kills:
        with started(world, WORKERS) as service:
            service.wait(300)
            events = Events(service, (done + 1) * 10**6)
            with Clients(service) as clients:
                for _ in range(min(EACH_PARENT, kills - done) - 1):
                    time.sleep(drawn.uniform(0.02, 0.3))
                    workers = service.workers()
                    while not workers:
                        time.sleep(0.05)
                        workers = service.workers()
                    drawn.choice(workers).kill()
                    done += 1
                    if drawn.random() < 0.1:
                        compact_online_log(world.project, NOW)  # while they write
                if drawn.random() < 0.9:
                    workers = service.workers()
                    service.process.kill()
                    service.process.wait()
                    for worker in workers:
                        worker.wait(60)
                else:
                    stopped(service)
                done += 1
            events.stop()
        assert clients.statuses <= {200, 503}, clients.statuses
        answered |= clients.answered
        accepted |= events.accepted
        kept = {row.values["id"] for rows in posted_rows(world.project.state, "visits").read() for row in rows}
        lost, gone = answered - logged(world), accepted - kept
        print(f"{done} kills: {len(lost)} of {len(answered):,} predictions lost, ", end="")
        print(f"{len(gone)} of {len(accepted):,} events lost", flush=True)
        assert not lost
        assert not gone


def main() -> None:
    """Run the trials."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        world = served_world(Path(folder), patch, ["by_ticks"])
        kill(world, kills)


if __name__ == "__main__":
    main()
