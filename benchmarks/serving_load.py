"""A load of keep-alive connections, each with one request in flight, and what a server did with it.

The client is one loop over `epoll` and plain sockets. It takes some 15 us of processor time for an answer, so that the
server is what is measured: a client of asyncio takes three times as long, and limits the faster servers.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache

import psutil


def head_of_answer(received: bytes) -> bytes | None:
    """Return the head of an answer in lower case; None before all of the answer was received."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return head if len(received) >= end + 4 + length else None


@cache
def cores() -> tuple[set[int], set[int]]:
    """Return the core of the server, and that of the load; all cores for both where there is only one."""
    first, *others = sorted(os.sched_getaffinity(0))
    return ({others[-1]}, {first}) if others else ({first}, {first})


@dataclass
class _Connection:
    """A connection, the request that it sent last, and when."""

    socket: socket.socket
    at: int
    begun: float = 0.0
    worked: float = 0.0
    received: bytes = b""


@dataclass
class _Client:
    """Sends the next request of a connection as soon as the answer to its last is whole."""

    requests: Sequence[bytes]
    until: float
    clock: int
    seconds: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    failed: int = 0

    def run(self, port: int, connections: int) -> None:
        """Ask until the time is over, and wait for the last answers."""
        with ExitStack() as stack, select.epoll() as waiting:
            made: dict[int, _Connection] = {}
            for number in range(connections):
                opened = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waiting.register(opened, select.EPOLLIN)
                made[opened.fileno()] = _Connection(opened, number * (len(self.requests) // connections))
            for connection in made.values():
                self._send(connection)
            while made:
                for number, _ in waiting.poll():
                    if self._is_done(made[number]):
                        waiting.unregister(number)
                        del made[number]

    def _send(self, connection: _Connection) -> None:
        connection.at = (connection.at + 1) % len(self.requests)
        connection.worked = time.clock_gettime(self.clock)
        connection.begun = time.perf_counter()
        connection.socket.sendall(self.requests[connection.at])

    def _is_done(self, connection: _Connection) -> bool:
        """Read what came of an answer, and return whether it was the connection's last."""
        data = connection.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        connection.received += data
        head = head_of_answer(connection.received)
        if head is None:
            return False
        now = time.perf_counter()
        self.failed += head[9:12] != b"200"
        self.seconds.append(now - connection.begun)
        self.worked.append(time.clock_gettime(self.clock) - connection.worked)
        connection.received = b""
        if now >= self.until:
            return True
        self._send(connection)
        return False


@dataclass(frozen=True)
class Load:
    """What a load came to: milliseconds, answers a second, and the server's processor time for each answer.

    Attributes
    ----------
    worked_p99, worked_longest
        Milliseconds of processor time that all threads of the server's worker took from a request to its answer: what
        an answer waits for the server itself, whatever else runs on the machine.
    """

    p50: float
    p99: float
    longest: float
    rate: float
    processor_us: float
    failed: int
    requests: int
    over_20_ms: int
    worked_p99: float
    worked_longest: float


def load(port: int, process: psutil.Process, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Ask a server on this machine for some seconds."""
    before, begun = processor(process), time.perf_counter()
    client = _Client(requests, begun + seconds, _clock_of(process))
    client.run(port, connections)
    took, used = time.perf_counter() - begun, processor(process) - before
    times, worked = (sorted(one * 1000 for one in taken) for taken in (client.seconds, client.worked))
    return Load(
        statistics.median(times),
        times[int(len(times) * 0.99)],
        times[-1],
        len(times) / took,
        used / len(times) * 1e6,
        client.failed,
        len(times),
        sum(one > 20 for one in times),
        worked[int(len(worked) * 0.99)],
        worked[-1],
    )


def _clock_of(process: psutil.Process) -> int:
    """Return Linux's clock of the processor time of a server's worker, or of the server where it has no workers."""
    worker = (process.children() or [process])[0]
    return (~worker.pid << 3) | 2


def processor(process: psutil.Process) -> float:
    """Return the seconds of processor time of a process and its children."""
    number = 0.0
    for one in [process, *process.children(recursive=True)]:
        times = one.cpu_times()
        number += times.user + times.system
    return number
