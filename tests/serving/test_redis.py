"""The service with an online store on a Redis server, from publication to prediction, and while the server is away."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ml_platform.operations.online.publish import online_store, publish_online
from tests.features.world import at
from tests.serving.test_processes import PATH, PROVE, ROW, Clients, Service, logged, running, stopped
from tests.serving.world import ServedWorld, served_world
from tests.storage.online.servers import started_redis
from tests.up_server import free_port

pytestmark = pytest.mark.slow
KILLS = 100 if PROVE else 3


@dataclass
class Redis:
    """A Redis server of the test, which loses its data when it ends."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        self.process = started_redis(self.port, self.folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    running = Redis(folder, port, started_redis(port, folder))
    yield running
    running.kill()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, server: Redis) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        folder, url = tmp_path_factory.mktemp("served"), f"redis://127.0.0.1:{server.port}/0"
        yield served_world(folder, patch, ["by_ticks"], store=url)


@pytest.fixture(scope="module")
def service(world: ServedWorld) -> Iterator[Service]:
    with running(world, 1) as process:
        yield process
        assert stopped(process) == 0


def ask(service: Service) -> requests.Response:
    return requests.post(service.url + PATH, json=ROW, timeout=30)


def answered(service: Service, seconds: float = 30.0) -> Any:
    """Return the first answer that is a prediction."""
    until = time.monotonic() + seconds
    while (answer := ask(service)).status_code != 200:
        assert time.monotonic() < until, answer.text
        time.sleep(0.05)
    return answer.json()


def publish(world: ServedWorld, hours: float = 0.0) -> None:
    store = online_store(world.project)
    publish_online(world.project, world.inputs, at(20 + hours), store)
    store.close()


def test_a_refresh_and_a_new_champion_reach_the_answers(world: ServedWorld, service: Service) -> None:
    before = answered(service)
    assert before["tables"]["shop_recent"]["tick"] == "2024-05-01T19:00:00.000000Z"
    publish(world, hours=2)
    after = answered(service)
    assert after["tables"]["shop_recent"]["tick"] == "2024-05-01T21:00:00.000000Z"
    version = world.deploy("by_ticks", seed=5).number
    until = time.monotonic() + 30
    while answered(service)["version"] != version:
        assert time.monotonic() < until


def test_a_dead_server_gets_a_clear_503_and_the_service_recovers(
    world: ServedWorld, service: Service, server: Redis
) -> None:
    publish(world, hours=2)
    assert answered(service)
    server.kill()
    for _ in range(20):
        begun, answer = time.monotonic(), ask(service)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        problem = answer.json()["error"]
        assert problem["code"] == "store_unavailable"
        assert f"the online store redis://127.0.0.1:{server.port}/0 cannot be used" in problem["message"]
        assert time.monotonic() - begun < 5
    ready = requests.get(f"{service.url}/readyz", timeout=30)
    assert ready.status_code == 503
    assert "cannot be used" in ready.json()["waiting"]["online store"]
    assert requests.get(f"{service.url}/healthz", timeout=30).status_code == 200
    features = requests.post(f"{service.url}/features/shop_recent", json=ROW, timeout=30)
    assert (features.status_code, features.json()["error"]["code"]) == (503, "store_unavailable")
    server.start()
    time.sleep(1.2)  # the service asks again a second after a failure
    empty = ask(service)
    assert empty.status_code == 503
    assert "does not hold" in empty.json()["error"]["message"]
    publish(world, hours=3)
    assert answered(service)["tables"]["shop_recent"]["tick"] == "2024-05-01T22:00:00.000000Z"


def test_a_server_that_hangs_holds_no_request_up_for_long(world: ServedWorld, service: Service, server: Redis) -> None:
    publish(world, hours=3)
    assert answered(service)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        answers = [ask(service) for _ in range(20)]
        assert {answer.status_code for answer in answers} == {503}
        assert time.monotonic() - begun < 15  # without a pause it would be 20 times 2 seconds
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert answered(service)


def test_a_server_that_is_killed_while_it_is_asked_costs_no_answer(
    world: ServedWorld, service: Service, server: Redis
) -> None:
    drawn = random.Random(5)
    publish(world, hours=3)
    with Clients(service, 2) as clients:
        for kill in range(KILLS):
            answered(service)
            time.sleep(drawn.uniform(0.0, 0.2))
            server.kill()
            server.start()
            publish(world, hours=4 + kill % 2)
    assert clients.statuses <= {200, 503}
    assert clients.failed == 0
    assert len(clients.answered) > KILLS
    assert clients.answered <= logged(world)
