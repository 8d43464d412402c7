"""Requests that are answered together get what each gets alone, and no one another's fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ml_platform.operations.predictions.online_log import online_log_folder, read_online_log
from ml_platform.serving.access import ServiceAccess
from ml_platform.serving.app import App
from ml_platform.serving.candidate import Candidate
from ml_platform.serving.limits import Limits
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.served_model import Answered, ServedModel
from ml_platform.serving.service import Service
from ml_platform.serving.worker import server_config
from ml_platform.storage.frame_log import frame_files
from tests.operations.online.worlds import SHOPS
from tests.serving.test_http import HOSTILE
from tests.serving.world import MODELS, ServedWorld, served_world

ROW = {"id": "q1", "shop": "a", "customer": 1, "items": 2, "gift": True}
FAULTY: list[dict[str, Any]] = [{**ROW, "items": "two"}, {"nothing": 1}, {"id": "q1"}, {**ROW, "shop": 5}]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch)


@pytest.fixture
def service(world: ServedWorld) -> Iterator[Service]:
    running = Service(world.project, Limits(wait=30.0))
    yield running
    running.close()


@dataclass
class Client:
    """A connection that keeps its answers, and the ids that were in the log when each was sent."""

    service: Service
    answers: list[tuple[int, Any]] = field(default_factory=list)
    logged: set[str] = field(default_factory=set)

    def send(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        self.answers.append((int(head.split()[1]), json.loads(body)))
        self.logged = logged(self.service)


def logged(service: Service) -> set[str]:
    files = frame_files(online_log_folder(service.project))
    return {prediction.id for file in files for _, prediction in read_online_log(file)}


def together(service: Service, model: str, bodies: Sequence[bytes]) -> list[Client]:
    """Send bodies in one round of the loop, and return their connections once all are answered."""
    app: Any = server_config(service, ServiceAccess.for_port(1, ()), Metrics()).app
    assert isinstance(app, App)
    app._round._size = len(bodies)
    app.overload._expected = float("inf")
    clients = [Client(service) for _ in bodies]
    head = app.head_of(f"/models/{model}/predict".encode(), [(b"host", b"127.0.0.1:1")])
    assert head is not None

    async def ask() -> None:
        for client, body in zip(clients, bodies, strict=True):
            assert app.answer_directly(client, head, body)
        while not all(client.answers for client in clients):
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(ask(), 60))
    assert all(len(client.answers) == 1 for client in clients)
    return clients


def plain(answer: tuple[int, Any]) -> tuple[int, Any]:
    return answer[0], {name: value for name, value in answer[1].items() if name != "prediction_id"}


def rows_of(model: str) -> list[dict[str, Any]]:
    shops = [shop for shop in (*SHOPS, "unseen") if shop]
    return [{"shop": shop} if "every" in MODELS[model]["population"] else {**ROW, "shop": shop} for shop in shops]


@pytest.mark.parametrize("model", MODELS)
def test_requests_together_get_the_answers_of_each_alone(service: Service, model: str) -> None:
    good = [json.dumps(row).encode() for row in rows_of(model)]
    bad = [json.dumps(row).encode() for row in FAULTY] + [body for body in HOSTILE.values() if len(body) < 10_000]
    bodies = [body for pair in zip(good * len(bad), bad, strict=False) for body in pair] + good
    clients = together(service, model, bodies)
    alone = [together(service, model, [body])[0].answers[0] for body in bodies]
    assert [plain(client.answers[0]) for client in clients] == [plain(answer) for answer in alone]
    assert {client.answers[0][0] for client in clients} >= {200, 400, 422}
    for client in clients:
        status, body = client.answers[0]
        assert status != 200 or body["prediction_id"] in client.logged  # in the log before it left
    ids = [client.answers[0][1]["prediction_id"] for client in clients if client.answers[0][0] == 200]
    assert len({*ids}) == len(ids) >= len(good)


def test_an_error_that_nothing_foresees_is_that_of_one_request(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ServedModel._look_up

    def failing(self: ServedModel, row: Any, view: Any) -> Any:
        if row["shop"] == "b":
            raise ZeroDivisionError
        return read(self, row, view)

    monkeypatch.setattr(ServedModel, "_look_up", failing)
    clients = together(service, "by_ticks", [b'{"shop": "a"}', b'{"shop": "b"}', b'{"shop": "a"}'])
    assert [client.answers[0][0] for client in clients] == [200, 500, 200]
    ids = [client.answers[0][1]["prediction_id"] for client in (clients[0], clients[2])]
    assert {*ids} <= logged(service)


def test_what_cannot_be_logged_is_answered_to_no_one(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    before = logged(service)

    def full(*_: Any) -> None:
        raise OSError(28, "no space left on the device")

    with monkeypatch.context() as patch:
        patch.setattr(service._log, "write", full)
        clients = together(service, "by_ticks", [b'{"shop": "a"}'] * 5)
        assert [client.answers[0][0] for client in clients] == [503] * 5
    assert logged(service) == before
    clients = together(service, "by_ticks", [b'{"shop": "a"}'] * 5)
    assert [client.answers[0][0] for client in clients] == [200] * 5
    assert len(logged(service)) == len(before) + 5


def test_the_log_lines_of_requests_together_take_one_write(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    together(service, "by_ticks", [b'{"shop": "a"}'])  # begins the file
    writes = list[int]()
    write = service._log.write

    def counted(*records: Any) -> None:
        writes.append(len(records))
        write(*records)

    monkeypatch.setattr(service._log, "write", counted)
    together(service, "by_ticks", [b'{"shop": "a"}'] * 16)
    assert writes == [16]


def test_answers_of_a_synced_log_leave_after_the_disk_has_their_lines(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = served_world(tmp_path_factory.mktemp("synced"), monkeypatch, ["by_ticks"], log="synced")
    service, seen = Service(world.project, Limits(wait=30.0)), list[set[str]]()
    sync = service.sync

    def noted() -> None:
        seen.append(logged(service))
        sync()

    monkeypatch.setattr(service, "sync", noted)
    clients = together(service, "by_ticks", [b'{"shop": "a"}', b'{"shop": 1}', b'{"shop": "b"}'])
    assert [client.answers[0][0] for client in clients] == [200, 422, 200]
    ids = {client.answers[0][1]["prediction_id"] for client in (clients[0], clients[2])}
    assert len(seen) == 1  # both waited for the disk together
    assert ids <= seen[0]

    def broken() -> None:
        raise OSError(5, "the disk is broken")

    monkeypatch.setattr(service, "sync", broken)
    clients = together(service, "by_ticks", [b'{"shop": "a"}'] * 2)
    assert [client.answers[0][0] for client in clients] == [503, 503]
    service.close()


def test_a_slow_model_is_asked_about_one_row_at_a_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    sizes, answer = list[int](), Service.answer_each

    def slow(self: Service, model: ServedModel, rows: Sequence[Any]) -> Any:
        sizes.append(len(rows))
        time.sleep(0.003 * len(rows))
        return answer(self, model, rows)

    monkeypatch.setattr(Service, "answer_each", slow)
    together(service, "by_ticks", [b'{"shop": "a"}'] * 8)
    app: Any = server_config(service, ServiceAccess.for_port(1, ()), Metrics()).app
    app.overload._expected = float("inf")
    head, clients = app.head_of(b"/models/by_ticks/predict", [(b"host", b"127.0.0.1:1")]), [Client(service)] * 6
    sizes.clear()

    async def ask() -> None:
        for client in clients:
            app.answer_directly(client, head, b'{"shop": "a"}')
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert sizes == [1] * 6


def test_rows_of_a_canary_are_answered_by_the_version_of_their_entity(
    world: ServedWorld, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = service.model("by_rows")
    other = ServedModel(world.project, champion.version)
    candidate: Any = Candidate.__new__(Candidate)
    candidate.served, candidate.share, candidate._model, candidate._stage = other, 0.5, "by_rows", 1
    candidate._counts = {}
    rows = [{**ROW, "shop": shop} for shop in ("a", "b", "c", "d", "unseen")] + FAULTY
    with service.store.view() as view:
        at = service.followed.now
        mixed = candidate.answer(champion, rows, view, at)
        single = [candidate.answer(champion, [row], view, at)[0] for row in rows]
        failing = RequestProblem.row("wrong_type", "it cannot")
        monkeypatch.setattr(other, "answer", lambda some, *_: [failing] * len(some))
        rescued = candidate.answer(champion, rows, view, at)
    served = [item.served is other if isinstance(item, Answered) else str(item) for item in mixed]
    assert served == [item.served is other if isinstance(item, Answered) else str(item) for item in single]
    assert [isinstance(item, Answered) for item in mixed] == [True] * 5 + [False] * 4
    assert [item.served is champion for item in rescued[:5]] == [True] * 5
    assert sum(count.errors for count in candidate.counts) == served.count(True)
