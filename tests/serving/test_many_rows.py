"""A request of many rows: one publication for all of them, and no place lost by answers that are not sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_platform.operations.online.publish import publish_online
from ml_platform.serving.many_rows import answer_many
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.service import Service
from tests.features.world import at
from tests.serving.served import serve
from tests.serving.test_capacity import MOST, VALUE, rows_of
from tests.serving.world import MODELS, YES, ServedWorld, served_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    monkeypatch.setitem(MODELS, "yes", {**YES, "value": VALUE})
    return served_world(tmp_path, monkeypatch, ["yes"])


@pytest.fixture
def service(world: ServedWorld) -> Iterator[Service]:
    service = Service(world.project)
    yield service
    service.close()


def ask(service: Service, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answered = asyncio.run(answer_many(service, service.model("yes"), rows))
    return [dict(body) for body in service.record(answered)]


def offers(bodies: list[dict[str, Any]]) -> int:
    return sum(body["action"] == "offer" for body in bodies)


def publish_after(world: ServedWorld, patch: pytest.MonkeyPatch, calls: int) -> None:
    """Publish the ticks of three hours later once some rows are answered."""
    answer, made = Service.answer, list[int]()

    def answered(self: Service, *arguments: Any) -> Any:
        items = answer(self, *arguments)
        made.append(1)
        if len(made) == calls:
            publish_online(world.project, world.inputs, at(23))
        return items

    patch.setattr(Service, "answer", answered)


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_rows_of_one_request_are_of_one_publication(
    world: ServedWorld, service: Service, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """The last hourly tick that can be read at 20:00 is 19:00, and at 23:00 it is 22:00; 40 rows are three parts."""
    publish_after(world, monkeypatch, calls)
    bodies = ask(service, rows_of(40))
    tick = "2024-05-01T19:00:00.000000Z" if calls == 3 else "2024-05-01T22:00:00.000000Z"
    assert {body["tables"]["shop_recent"]["tick"] for body in bodies} == {tick}
    assert len({body["prediction_id"] for body in bodies}) == 40
    assert offers(bodies) == MOST
    assert offers(ask(service, rows_of(40, 100))) == 0


def test_a_request_that_is_refused_takes_no_place(service: Service) -> None:
    for place in (7, 30):  # in the first part, and after it
        rows = rows_of(40)
        rows[place]["items"] = "many"
        with pytest.raises(RequestProblem, match=f"row {place}: .*items"):
            ask(service, rows)
    assert offers(ask(service, rows_of(40))) == MOST


def test_an_answer_that_cannot_be_logged_takes_no_place(world: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Service, answered: Any) -> Any:
        raise RequestProblem(503, "log_unavailable", "the disk is full", 5)

    for server in serve(world):
        with monkeypatch.context() as patch:
            patch.setattr(Service, "record", refuse)
            several = server.post("/models/yes/predict", {"rows": rows_of(20)})
            alone = [server.post("/models/yes/predict", row) for row in rows_of(20)]
            assert {answer.status_code for answer in (several, *alone)} == {503}
        bodies = server.post("/models/yes/predict", {"rows": rows_of(40)}).json()["predictions"]
        assert offers(bodies) == MOST


def test_outputs_that_do_not_exist_are_refused_before_a_place_is_taken(world: ServedWorld) -> None:
    rows, kinds = rows_of(40), {"id": "BYTES", "shop": "BYTES", "customer": "INT64", "items": "INT64", "gift": "BOOL"}
    inputs = [
        {"name": name, "datatype": kind, "shape": [40], "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]
    for server in serve(world):
        refused = server.post("/v2/models/yes/infer", {"inputs": inputs, "outputs": [{"name": "magic"}]})
        assert refused.status_code == 400
        answer = server.post("/v2/models/yes/infer", {"inputs": inputs}).json()
        (actions,) = [output["data"] for output in answer["outputs"] if output["name"] == "action"]
        assert actions.count("offer") == MOST
