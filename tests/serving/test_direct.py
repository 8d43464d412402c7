"""A request that comes whole is answered without a task, with the same bytes as one that comes in two parts."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.serving.app import App
from ml_platform.serving.followed_models import FollowedModels
from ml_platform.storage.prediction_log import read_predictions
from tests.features.world import at
from tests.serving.served import Server, serve
from tests.serving.test_http import HOSTILE
from tests.serving.world import NOW, ServedWorld, served_world

PATH = "/models/by_ticks/predict"
GOOD = b'{"shop": "a"}'
ASKED: dict[str, tuple[str, str, Sequence[str], bytes]] = {
    "a row": ("POST", PATH, (), GOOD),
    "several rows": ("POST", PATH, (), b'{"rows": [{"shop": "a"}, {"shop": "b"}]}'),
    "an entity without history": ("POST", PATH, (), b'{"shop": "nobody"}'),
    "a query": ("POST", f"{PATH}?a=b", (), GOOD),
    "an unknown model": ("POST", "/models/nothing/predict", (), GOOD),
    "an unknown path": ("POST", "/nothing", (), GOOD),
    "another method": ("PUT", PATH, (), GOOD),
    "another type": ("POST", PATH, ("Content-Type: text/plain",), GOOD),
    "a page of another origin": ("POST", PATH, ("Origin: http://elsewhere",), GOOD),
    "too large": ("POST", PATH, (), b'{"shop": "' + b"a" * 21_000 + b'"}'),
    "too many rows": ("POST", PATH, (), b'{"rows": [' + b",".join([GOOD] * 41) + b"]}"),
    "a client that closes": ("POST", PATH, ("Connection: close",), GOOD),
    **{name: ("POST", "/models/by_rows/predict", (), body) for name, body in HOSTILE.items()},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch)


@pytest.fixture(scope="module")
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world)


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered in a task."""
    asked: list[str] = []
    call = App.__call__

    async def counted(app: App, scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await call(app, scope, receive, send)

    monkeypatch.setattr(App, "__call__", counted)
    return asked


def message(server: Server, method: str, path: str, more: Sequence[str], body: bytes) -> tuple[bytes, bytes]:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {server.url.removeprefix('http://')}", *more]
    if not any(line.startswith("Content-Type") for line in more):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode(), body


def opened(server: Server) -> socket.socket:
    name, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((name, int(port)), timeout=20)


def answers(connection: socket.socket, count: int) -> list[bytes]:
    data, whole = b"", list[bytes]()
    while len(whole) < count:
        head, end, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length is not None and len(rest) >= int(length[1]):
            whole.append(head + end + rest[: int(length[1])])
            data = rest[int(length[1]) :]
            continue
        more = connection.recv(65536)
        assert more, "the connection ended"
        data += more
    return whole


def plain(answer: bytes) -> bytes:
    """Return an answer without what differs from request to request."""
    return re.sub(rb'"(prediction_id|error_id)":"[^"]*"', b"", answer)


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_has_the_same_bytes_on_both_ways(server: Server, name: str) -> None:
    head, body = message(server, *ASKED[name])
    with opened(server) as connection:
        connection.sendall(head + body)
        (whole,) = answers(connection, 1)
    with opened(server) as connection:
        connection.sendall(head)
        time.sleep(0.1)
        connection.sendall(body)
        (parts,) = answers(connection, 1)
    assert plain(whole) == plain(parts)


def test_only_a_request_that_comes_whole_needs_no_task(server: Server, tasks: list[str]) -> None:
    head, body = message(server, "POST", PATH, (), GOOD)
    with opened(server) as connection:
        for _ in range(3):
            connection.sendall(head + body)
            assert answers(connection, 1)[0].startswith(b"HTTP/1.1 200 OK")
        assert tasks == []
        connection.sendall(head)
        time.sleep(0.1)
        connection.sendall(body)
        assert answers(connection, 1)[0].startswith(b"HTTP/1.1 200 OK")
    assert tasks == [PATH]


def test_requests_that_come_together_are_answered_in_their_order_and_by_turns(server: Server, tasks: list[str]) -> None:
    names = ["a", "b", "nobody", "a"]
    sent = b"".join(b"".join(message(server, "POST", PATH, (), b'{"shop": "%b"}' % n.encode())) for n in names)
    alone = []
    for name in names:
        with opened(server) as connection:
            connection.sendall(b"".join(message(server, "POST", PATH, (), b'{"shop": "%b"}' % name.encode())))
            alone += answers(connection, 1)
    with opened(server) as connection:
        connection.sendall(sent)
        together = answers(connection, len(names))
    assert [plain(answer) for answer in together] == [plain(answer) for answer in alone]
    assert tasks == [PATH] * 3  # the first needs none


def test_a_client_that_reads_late_loses_no_answer(server: Server) -> None:
    request, count = b"".join(message(server, "POST", PATH, (), GOOD)), 1000
    with opened(server) as connection:
        connection.settimeout(60)
        sender = threading.Thread(target=lambda: connection.sendall(request * count))
        sender.start()
        time.sleep(1.0)  # the server's answers fill the buffers of both sides meanwhile
        read = answers(connection, count)
        sender.join()
    ids = [id for answer in read for id in re.findall(r'"prediction_id":"([^"]+)"', answer.decode())]
    assert len({*ids}) == count


def test_what_is_answered_without_a_task_is_in_the_log(world: ServedWorld, server: Server, tasks: list[str]) -> None:
    with opened(server) as connection:
        ids: list[str] = []
        for _ in range(20):
            connection.sendall(b"".join(message(server, "POST", PATH, (), GOOD)))
            ids += re.findall(r'"prediction_id":"([^"]+)"', answers(connection, 1)[0].decode())
    assert tasks == []
    compact_online_log(world.project, NOW)
    assert len({*ids}) == 20
    assert {*ids} <= set(read_predictions(world.project, "by_ticks", at(0), at(100))["prediction_id"])


def test_champions_are_read_only_after_something_was_written(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = FollowedModels.begin(world.project)
    reads, look = list[int](), followed._look

    def counted() -> Any:
        reads.append(1)
        return look()

    monkeypatch.setattr(followed, "_look", counted)
    for _ in range(5):
        assert followed.look() == []
    assert len(reads) <= 1  # what the beginning itself wrote, if anything
    reads.clear()
    version = world.deploy("by_ticks", seed=9)
    changed = followed.look()
    assert [item.serving.version.number for item in changed if item.serving] == [version.number]
    assert reads == [1]
