"""A rollout in several worker processes: all agree on who gets whose answer, also after they were killed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ml_platform.registry.rollback import roll_back
from ml_platform.serving.candidate import entity_place
from tests.serving.test_processes import Service, running, stopped
from tests.serving.test_rollout import ROWS, log_of
from tests.serving.world import NOW, ServedWorld, served_world

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    return served_world(tmp_path, monkeypatch, ["yes"])


@pytest.fixture
def service(world: ServedWorld) -> Iterator[Service]:
    world.roll_out("yes", 5, {"canary": 0.3, "for": "2d"})
    with running(world) as process:
        yield process
        stopped(process)


def by_entity(service: Service, times: int = 1) -> dict[str, set[int]]:
    """Ask about each entity by connections of their own, so that every worker is met."""
    number: dict[str, set[int]] = {}
    for row in ROWS * times:
        answer = requests.post(f"{service.url}/models/yes/predict", json=row, timeout=30)
        assert answer.status_code == 200, answer.text
        number.setdefault(row["id"], set()).add(answer.json()["version"])
    return number


CHOSEN = {row["id"]: {2 if entity_place("yes", (row["id"],)) < 0.3 else 1} for row in ROWS}


def test_workers_agree_on_each_entity_also_after_they_were_killed(world: ServedWorld, service: Service) -> None:
    assert by_entity(service, times=2) == CHOSEN
    for worker in service.workers():
        worker.kill()
    service.wait()
    assert by_entity(service) == CHOSEN
    stopped(service)
    log = log_of(world)
    assert len(log) == 3 * len(ROWS)  # each answer once, and no shadow among them
    beside = log.dropna(subset=["shadow_version"])
    assert len(beside) > 2.5 * len(ROWS)  # but for the last rows of those that were killed
    assert (beside["version"] + beside["shadow_version"] == 3).all()


def test_a_rollback_is_in_every_worker_and_no_request_fails(world: ServedWorld, service: Service) -> None:
    chosen = [row for row in ROWS if CHOSEN[row["id"]] == {2}]
    roll_back(world.project, "yes", actor="ada", reason="It offers to everybody.", now=NOW)
    began, last = time.monotonic(), time.monotonic()
    until = began + 60
    while time.monotonic() < min(until, last + 3):  # for three seconds no worker gives a candidate's answer
        row = random.choice(chosen)
        answer = requests.post(f"{service.url}/models/yes/predict", json=row, timeout=30)
        assert answer.status_code == 200, answer.text
        if answer.json()["version"] == 2:
            last = time.monotonic()
    assert last + 3 < until
    print(f"the last answer of the candidate came {last - began:.3f} s after the rollback")
