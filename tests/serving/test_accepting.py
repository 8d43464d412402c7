"""Taking connections: many in one round of the loop, a bounded number, and none is lost between workers."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
import uvloop

from ml_platform.serving import accepting
from ml_platform.serving.accepting import WorkerServer
from ml_platform.serving.processes import listen
from tests.up_server import free_port

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Socket(socket.socket):
    """A listening socket that remembers how many connections each round took, and fails where it is told to."""

    failing: list[int]
    taken: list[float]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failing:
            raise OSError(self.failing.pop(), "no room")
        accepted = super().accept()
        self.taken.append(time.monotonic())
        return accepted


@contextmanager
def serving(listening: socket.socket) -> Iterator[WorkerServer]:
    """Serve in a thread."""
    config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none")
    server = WorkerServer(config, listening)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: uvloop.run(server.serve()))
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def watched(port: int, failing: list[int] | None = None) -> Socket:
    listening = Socket(fileno=listen("127.0.0.1", port).detach())
    listening.failing, listening.taken = failing or [], []
    return listening


def answered(connection: socket.socket) -> bool:
    connection.sendall(REQUEST)
    data = b""
    while not data.endswith(b"ok"):
        data += (more := connection.recv(1000))
        assert more, "the connection ended"
    return data.startswith(b"HTTP/1.1 200")


@contextmanager
def clients(port: int, count: int) -> Iterator[list[socket.socket]]:
    made = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(count)]
    yield made
    for one in made:
        one.close()


def test_connections_that_wait_are_taken_in_few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "AT_ONCE", 50)
    rounds: list[int] = []
    accept: Callable[[WorkerServer], None] = WorkerServer._accept

    def counted(server: WorkerServer) -> None:
        before = len(listening.taken)
        accept(server)
        rounds.append(len(listening.taken) - before)

    monkeypatch.setattr(WorkerServer, "_accept", counted)
    port = free_port()
    listening = watched(port)
    with clients(port, 120) as made, serving(listening):  # all wait before the server begins
        assert all(answered(one) for one in made)
    assert sum(rounds) == 120
    assert max(rounds) == 50  # bounded, so that requests have their turn
    assert len(rounds) < 12


def test_small_answers_do_not_wait_for_more_data() -> None:
    port = free_port()
    with serving(watched(port)) as server, clients(port, 1) as (one,):
        assert answered(one)
        (protocol,) = server.server_state.connections
        taken = protocol.transport.get_extra_info("socket")
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_system_without_room_for_a_connection_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_PAUSE_SECONDS", 0.05)
    port = free_port()
    listening = watched(port, [errno.EMFILE, errno.ECONNABORTED, errno.ENFILE])
    with serving(listening), clients(port, 3) as made:
        assert all(answered(one) for one in made)
    assert not listening.failing


def test_two_servers_on_one_socket_answer_every_request() -> None:
    port = free_port()
    first = listen("127.0.0.1", port)
    second = first.dup()
    second.setblocking(False)
    with serving(first) as one, serving(second) as other:
        for _ in range(20):
            with clients(port, 30) as made:
                assert all(answered(client) for client in made)
        assert one.server_state.total_requests + other.server_state.total_requests == 600


def test_a_stop_closes_connections_that_were_just_taken() -> None:
    port = free_port()
    listening = watched(port)
    with clients(port, 20) as made:
        with serving(listening):
            assert answered(made[0])
        assert all(one.recv(1) == b"" for one in made)


def test_a_connection_whose_client_closed_it_early_ends_no_worker() -> None:
    port = free_port()
    listening = watched(port)
    for _ in range(5):
        gone = socket.create_connection(("127.0.0.1", port))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset
        gone.close()
    with serving(listening), clients(port, 1) as (one,):
        assert answered(one)
