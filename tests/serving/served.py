"""A served world over HTTP, in a thread of the test."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
import uvloop

from ml_platform.serving.accepting import WorkerServer
from ml_platform.serving.access import ServiceAccess
from ml_platform.serving.limits import Limits
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.processes import listen
from ml_platform.serving.service import Service
from ml_platform.serving.tracing import Tracing
from ml_platform.serving.worker import server_config
from tests.serving.world import ServedWorld
from tests.up_server import free_port

ROW = {"id": "q1", "shop": "a", "customer": 1, "items": 2, "gift": True}
LIMITS = Limits(body=20_000, rows=40, seconds=2.0, wait=30.0)


@dataclass
class Server:
    """A server of one worker in a thread of the test."""

    url: str
    service: Service

    def post(self, path: str, value: Any = None, **headers: str) -> requests.Response:
        """Send a value as JSON; bytes as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return requests.post(self.url + path, body, headers={"Content-Type": "application/json", **headers}, timeout=20)

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.url + path, headers=headers, timeout=60)


def serve(
    world: ServedWorld,
    environ: dict[str, str] | None = None,
    limits: Limits = LIMITS,
    tracing: Tracing | None = None,
    keep_alive: int | None = None,
) -> Iterator[Server]:
    """Serve a world until the test ends."""
    port, service = free_port(), Service(world.project, limits)
    config = server_config(service, ServiceAccess.for_port(port, (), environ or {}), Metrics(), tracing)
    config.timeout_keep_alive = keep_alive or config.timeout_keep_alive
    server = WorkerServer(config, listen("127.0.0.1", port))
    thread = threading.Thread(target=lambda: uvloop.run(server.serve()))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield Server(f"http://127.0.0.1:{port}", service)
    server.should_exit = True
    thread.join()
