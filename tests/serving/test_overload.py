"""More requests than a worker can answer: it refuses some at once, and answers the others in time."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ml_platform.serving.limits import Limits
from ml_platform.serving.overload import Overload, Room
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.service import Service
from tests.serving.served import Server, serve
from tests.serving.world import ServedWorld, served_world

PATH, ROW = "/models/by_ticks/predict", b'{"shop": "a"}'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch, ["by_ticks"])


def limited(world: ServedWorld, **limits: Any) -> Iterator[Server]:
    yield from serve(world, limits=Limits(**{"wait": 30.0, **limits}))


class Connection:
    """One connection that sends a request in two parts."""

    def __init__(self, server: Server) -> None:
        self._host = server.url.removeprefix("http://")
        name, port = self._host.split(":")
        self._socket = socket.create_connection((name, int(port)), timeout=30)

    def begin(self, *more: str, method: str = "POST", path: str = PATH, body: bytes = ROW) -> None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", "Content-Type: application/json", *more]
        self._socket.sendall("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode())

    def finish(self, body: bytes = ROW) -> None:
        self._socket.sendall(body)

    def answer(self) -> tuple[int, dict[bytes, bytes], Any]:
        """Return status, headers and body."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers: dict[bytes, bytes] = {
            name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)
        }
        while len(body) < int(headers[b"content-length"]):
            body += self._more()
        return int(first.split()[1]), headers, json.loads(body)

    def close(self) -> None:
        self._socket.close()

    def is_closed(self) -> bool:
        return self._socket.recv(1) == b""

    def _more(self) -> bytes:
        received = self._socket.recv(65536)
        assert received, "the connection ended"
        return received


Connect = Callable[[Server], Connection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    made: list[Connection] = []

    def connection(server: Server) -> Connection:
        made.append(Connection(server))
        return made[-1]

    yield connection
    for one in made:
        one.close()


def test_requests_beyond_the_limit_get_503_until_one_is_answered(world: ServedWorld, connect: Connect) -> None:
    for server in limited(world, requests=2):
        first, second, third = (connect(server) for _ in range(3))
        first.begin()
        second.begin()
        time.sleep(0.3)  # both are in progress: their bodies are missing
        for _ in range(3):
            third.begin()
            third.finish()
            status, headers, body = third.answer()
            assert (status, headers[b"retry-after"], body["error"]["code"]) == (503, b"1", "overloaded")
        assert server.get("/healthz").status_code == server.get("/readyz").status_code == 200
        first.finish()
        assert first.answer()[0] == 200
        third.begin()
        third.finish()
        assert third.answer()[0] == 200
        second.finish()
        assert second.answer()[0] == 200
        assert 'ml_platform_answers_total{route="refused",status="503"} 3.0' in server.get("/metrics").text


def test_a_refused_client_that_waits_to_send_its_body_is_not_kept(world: ServedWorld, connect: Connect) -> None:
    for server in limited(world, requests=1):
        first, second = connect(server), connect(server)
        first.begin()
        time.sleep(0.3)
        second.begin("Expect: 100-continue")
        status, headers, _ = second.answer()
        assert (status, headers[b"connection"]) == (503, b"close")
        assert second.is_closed()
        first.close()


def test_a_client_that_ends_while_it_is_answered_leaves_its_place(world: ServedWorld, connect: Connect) -> None:
    for server in limited(world, requests=1, seconds=0.3):
        for _ in range(3):
            slow = connect(server)
            slow.begin()
            slow.close()
        time.sleep(1.0)
        assert server.post(PATH, ROW).status_code == 200


def test_connections_beyond_the_limit_are_asked_to_come_later(world: ServedWorld, connect: Connect) -> None:
    for server in limited(world, connections=2):
        kept = [connect(server), connect(server)]
        for connection in kept:
            connection.begin()
            connection.finish()
            assert connection.answer()[0] == 200
        third = connect(server)
        status, headers, _ = third.answer()
        assert (status, headers[b"connection"]) == (503, b"close")
        assert third.is_closed()


def test_a_request_whose_turn_comes_too_late_is_refused_before_any_work(
    world: ServedWorld, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, began = Service.answer_each, list[Any]()

    def slow(self: Service, model: Any, rows: Sequence[Any]) -> Any:
        began.extend(rows)
        time.sleep(0.5 * len(rows))
        return answer(self, model, rows)

    monkeypatch.setattr(Service, "answer_each", slow)
    for server in limited(world, wait=0.2):
        connections = [connect(server) for _ in range(6)]
        for connection in connections:
            connection.begin()
            connection.finish()
        statuses = [connection.answer()[0] for connection in connections]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) == len(began) < 4


def test_many_rows_at_once_are_refused_while_as_many_are_answered(world: ServedWorld) -> None:
    body = json.dumps({"rows": [{"shop": "a"}] * 400}).encode()
    for server in limited(world, rows=400, rows_at_once=400, body=10**6):

        def post(_: int, server: Server = server) -> int:
            return server.post(PATH, body).status_code

        with ThreadPoolExecutor(8) as threads:
            statuses: Sequence[int] = list(threads.map(post, range(16)))
        assert set(statuses) == {200, 503}
        assert post(0) == 200  # nothing is in progress any more


def test_room_takes_what_fits_and_one_thing_that_never_would() -> None:
    room = Room(3)
    with room.take(2), room.take(), pytest.raises(RequestProblem), room.take():
        pass
    with room.take(10):
        pass
    with room.take(3):
        pass


def test_a_worker_that_measures_nothing_yet_takes_requests() -> None:
    assert not Overload(Limits()).is_full
    assert Overload(Limits(requests=0)).is_full
