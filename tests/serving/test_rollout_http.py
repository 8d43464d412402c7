"""A rollout as clients see it: over HTTP, with the worker's own looks at the champion and the candidate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_platform.registry.rollback import roll_back
from tests.serving.served import Server, serve
from tests.serving.test_rollout import CANARY, ROWS, SHADOW, log_of
from tests.serving.world import NOW, ServedWorld, served_world

PATIENCE = 60.0


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    return served_world(tmp_path, monkeypatch, ["yes"])


@pytest.fixture
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world)


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def versions(server: Server) -> list[int]:
    answers = [server.post("/models/yes/predict", row) for row in ROWS[:60]]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json()["version"] for answer in answers]


def test_the_other_version_predicts_after_the_answer_alone_and_in_lists(world: ServedWorld, server: Server) -> None:
    candidate = world.roll_out("yes", 5, SHADOW)
    wait_for(lambda: server.get("/models/yes").json()["rollout"] is not None)
    assert server.get("/models").json()["models"][0]["rollout"]["stage"] == "shadow"
    assert set(versions(server)) == {candidate.number - 1}
    assert server.post("/models/yes/predict", {"rows": ROWS[60:100]}).status_code == 200
    wait_for(lambda: len(log := log_of(world)) == 100 and bool((log["shadow_version"] == candidate.number).all()))


def test_a_rollback_reaches_a_worker_and_no_request_fails(world: ServedWorld, server: Server) -> None:
    candidate = world.roll_out("yes", 5, CANARY)
    wait_for(lambda: server.get("/models/yes").json()["rollout"] is not None)
    assert candidate.number in versions(server)
    roll_back(world.project, "yes", actor="ada", reason="It offers to everybody.", now=NOW)
    wait_for(lambda: server.get("/models/yes").json()["rollout"] is None)
    assert set(versions(server)) == {candidate.number - 1}
