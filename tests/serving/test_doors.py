"""What a client may send beside a body: headers that come twice, another protocol, a head that never ends."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ml_platform.serving.limits import Limits
from tests.serving.served import Server, serve
from tests.serving.test_direct import answers, opened
from tests.serving.world import ServedWorld, served_world

PATH, BODY = "/models/by_ticks/predict", b'{"shop": "a"}'
TOKENS = {"ML_PLATFORM_PREDICT_TOKEN": "p" * 20, "ML_PLATFORM_EVENTS_TOKEN": "e" * 20}
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch, ["by_ticks"])


@pytest.fixture(scope="module")
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world, TOKENS, Limits(seconds=1.0, wait=30.0), keep_alive=2)


def request(server: Server, *more: str, leave_out: str = "", body: bytes = BODY, first: tuple[str, ...] = ()) -> bytes:
    usual = {
        "Host": server.url.removeprefix("http://"),
        "Authorization": f"Bearer {'p' * 20}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"{name}: {value}" for name, value in usual.items() if name != leave_out]
    return "\r\n".join([f"POST {PATH} HTTP/1.1", *first, *lines, *more, "", ""]).encode() + body


def asked(server: Server, *parts: bytes, pause: float = 0.0) -> tuple[int, Any]:
    with opened(server) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        return answer(connection)


def answer(connection: socket.socket) -> tuple[int, Any]:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), json.loads(body) if body.startswith(b"{") else body


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("Authorization", f"Bearer {'e' * 20}"),
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/json"),
    ],
)
def test_a_header_that_decides_comes_once(server: Server, name: str, value: str) -> None:
    """A proxy in front may have checked the other one (RFC 9110, 7.2, for Host)."""
    line = f"{name}: {value}"
    for sent in (request(server, line), request(server, first=(line,))):
        status, problem = asked(server, sent)
        assert (status, problem["error"]["code"]) == (400, "header_twice")
        assert name in problem["error"]["message"]


def test_headers_may_come_in_any_order(server: Server) -> None:
    host = server.url.removeprefix("http://")
    assert asked(server, request(server, first=(f"Origin: http://{host}",)))[0] == 200
    for origin in ("http://evil.example", "http://", "null", ""):
        assert asked(server, request(server, first=(f"Origin: {origin}",)))[0] == 403
        assert asked(server, request(server, f"Origin: {origin}"))[0] == 403


def test_a_packed_body_is_named(server: Server) -> None:
    status, problem = asked(server, request(server, "Content-Encoding: gzip", body=gzip.compress(BODY)))
    assert (status, problem["error"]["code"]) == (415, "packed_body")
    assert asked(server, request(server, "Content-Encoding: identity"))[0] == 200


@pytest.mark.parametrize("upgrade", [H2C, ("Connection: keep-alive, upgrade", "Upgrade: websocket")])
def test_a_client_that_offers_another_protocol_is_answered_in_this_one(
    server: Server, upgrade: tuple[str, ...]
) -> None:
    """As Java's HttpClient and `curl --http2` do with their first request; RFC 9110, 7.8: it may be ignored."""
    _, expected = asked(server, request(server))
    sent = request(server, *upgrade)
    middle = sent.index(b"Upgrade: ")
    for parts in ((sent,), (sent[:middle], sent[middle:]), (sent[: -len(BODY)], BODY), (sent[:-3], sent[-3:])):
        status, answered = asked(server, *parts, pause=0.05)
        assert (status, answered["score"]) == (200, expected["score"])
    with opened(server) as connection:
        for _ in range(2):
            connection.sendall(sent + request(server))
            assert all(whole.startswith(b"HTTP/1.1 200 ") for whole in answers(connection, 2))


def test_a_tunnel_is_refused(server: Server) -> None:
    host = server.url.removeprefix("http://")
    assert asked(server, f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())[0] == 400


@pytest.mark.parametrize("begun", [False, True])
def test_a_head_that_does_not_end_ends_the_connection(server: Server, begun: bool) -> None:
    """One byte each 0.3 seconds gives no more time than the second that a request has."""
    with opened(server) as connection:
        if begun:
            connection.sendall(request(server))
            assert answer(connection)[0] == 200
        connection.settimeout(0.3)
        since, received = time.monotonic(), b""
        for byte in request(server):
            connection.sendall(bytes([byte]))
            try:
                received = connection.recv(65536)
                break
            except TimeoutError:
                pass
        assert received.startswith(b"HTTP/1.1 408 ")
        assert 0.9 < time.monotonic() - since < 10


def test_a_connection_on_which_nothing_comes_ends(server: Server) -> None:
    with opened(server) as connection:
        connection.settimeout(20)
        assert connection.recv(10) == b""
