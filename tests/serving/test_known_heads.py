"""A head with the bytes of one that the parser has read is not read again, and means the same."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ml_platform.serving.app import App
from ml_platform.serving.http_messages import Head
from ml_platform.serving.http_protocol import GuardedProtocol
from tests.serving.served import Server, serve
from tests.serving.test_direct import GOOD, PATH, answers, message, opened, plain
from tests.serving.world import ServedWorld, served_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch, ["by_ticks"])


@pytest.fixture
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has an item for each request that the parser read."""
    begun: list[int] = []
    begin = GuardedProtocol.on_message_begin

    def counted(self: GuardedProtocol) -> None:
        begun.append(1)
        begin(self)

    monkeypatch.setattr(GuardedProtocol, "on_message_begin", counted)
    return begun


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The heads that were remembered."""
    heads: list[bytes] = []
    know = App.know

    def noted(self: App, head: bytes, read: Head) -> None:
        heads.append(head)
        know(self, head, read)

    monkeypatch.setattr(App, "know", noted)
    return heads


def asked(server: Server, *parts: bytes) -> bytes:
    """Return the answer to a request that is sent in parts."""
    with opened(server) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05 if len(parts) > 1 else 0)
        return answers(connection, 1)[0]


def test_the_parser_reads_each_head_once_and_answers_stay_the_same(
    server: Server, parsed: list[int], known: list[bytes]
) -> None:
    bodies = [
        b'{"shop": "a"}',
        b'{"shop": "b"}',
        b'{"shop": "nobody"}',
        b'{"shop": 123}',
        b'{"shop": "a"',
        b"[1, 2, 3]",
    ]
    requests = [message(server, "POST", PATH, (), body) for body in bodies]
    alone = [plain(asked(server, head, body)) for head, body in requests]  # in two parts, so by a task
    parsed.clear()
    with opened(server) as connection:
        for _ in range(3):
            for (head, body), expected in zip(requests, alone, strict=True):
                connection.sendall(head + body)
                assert plain(answers(connection, 1)[0]) == expected
    assert len(parsed) == len({head for head, _ in requests})
    assert set(known) == {head for head, _ in requests}


@pytest.mark.parametrize(
    ("more", "body"),
    [
        (("Connection: close",), GOOD),
        (("Connection: upgrade", "Upgrade: websocket"), GOOD),
        (("Expect: 100-continue",), GOOD),
        (("Origin: http://elsewhere",), GOOD),
        (("Content-Type: text/plain",), GOOD),
        (("Transfer-Encoding: chunked",), GOOD),
        ((), b'{"rows": [{"shop": "a"}]}'),
    ],
)
def test_a_head_that_asks_for_more_is_not_remembered(
    server: Server, known: list[bytes], more: tuple[str, ...], body: bytes
) -> None:
    with opened(server) as connection:
        connection.sendall(b"".join(message(server, "POST", PATH, more, body)))
        assert connection.recv(65536)
    assert known == []


def test_bytes_that_are_the_end_of_another_body_are_no_head(server: Server, known: list[bytes]) -> None:
    head, body = message(server, "POST", PATH, (), GOOD)
    other, _ = message(server, "POST", "/models/nothing/predict", ("X-End: ",), GOOD)
    tail = other[: other.index(b"X-End: ") + 7]  # no empty line: the next bytes would belong to its last header
    outer, _ = message(server, "POST", PATH, (), b" " * len(tail))
    with opened(server) as connection:
        connection.sendall(outer)
        time.sleep(0.1)
        connection.sendall(tail + head + body)
        first, second = answers(connection, 2)
    assert first.startswith(b"HTTP/1.1 400")
    assert second.startswith(b"HTTP/1.1 200")
    assert known == []
    assert b'"header_twice"' in asked(server, tail + head + body)  # one head, with the headers of both


def test_a_known_head_within_a_request_is_its_body(server: Server, known: list[bytes]) -> None:
    head, body = message(server, "POST", PATH, (), GOOD)
    assert asked(server, head + body).startswith(b"HTTP/1.1 200")
    assert known == [head]
    outer, _ = message(server, "POST", PATH, (), head + body)
    assert b'"malformed_body"' in asked(server, outer, head + body)
    with opened(server) as connection:  # a request whose answer is in progress comes first
        connection.sendall(outer)
        time.sleep(0.1)
        connection.sendall(head + body + head + body)
        first, second = answers(connection, 2)
    assert b'"malformed_body"' in first
    assert second.startswith(b"HTTP/1.1 200")


def test_a_body_that_comes_later_or_with_more_is_read_by_the_parser(server: Server) -> None:
    head, body = message(server, "POST", PATH, (), GOOD)
    expected = plain(asked(server, head + body))
    assert plain(asked(server, head, body)) == expected
    assert plain(asked(server, head[:20], head[20:] + body[:3], body[3:])) == expected
    with opened(server) as connection:
        connection.sendall((head + body) * 3)
        assert [plain(answer) for answer in answers(connection, 3)] == [expected] * 3


def test_where_each_head_differs_few_are_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    apps: list[App] = []
    know = App.know

    def noted(self: App, head: bytes, read: Head) -> None:
        apps.append(self)
        know(self, head, read)

    monkeypatch.setattr(App, "know", noted)
    with opened(server) as connection:
        for number in range(600):
            connection.sendall(b"".join(message(server, "POST", PATH, (f"X-Request: {number}",), GOOD)))
            assert answers(connection, 1)[0].startswith(b"HTTP/1.1 200")
        long = message(server, "POST", PATH, (f"X-Long: {'x' * 4000}",), GOOD)
        connection.sendall(b"".join(long))
        assert answers(connection, 1)[0].startswith(b"HTTP/1.1 200")
    assert 0 < len(apps[0].known) <= 256
    assert long[0] not in apps[0].known


def test_a_connection_that_is_used_stays_open_and_one_that_is_not_is_closed(world: ServedWorld) -> None:
    for server in serve(world, keep_alive=1):
        request = b"".join(message(server, "POST", PATH, (), GOOD))
        with opened(server) as connection:
            for _ in range(8):
                connection.sendall(request)
                assert answers(connection, 1)[0].startswith(b"HTTP/1.1 200")
                time.sleep(0.3)
            connection.settimeout(20)
            assert connection.recv(1) == b""  # closed, since nothing more was asked
