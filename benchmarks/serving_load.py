"""A load of keep-alive connections, each with one request in flight, and what a server did with it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil


def head_of_answer(received: bytes) -> bytes | None:
    """Return the head of an answer in lower case; None before all of the answer was received."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return head if len(received) >= end + 4 + length else None


@dataclass
class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last is whole."""

    requests: Sequence[bytes]
    until: float
    at: int
    step: int
    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    _remaining: int = -1
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self.at = (self.at + self.step) % len(self.requests)
        self._begun = time.perf_counter()
        self._transport.write(self.requests[self.at])  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = head_of_answer(self._buffer)
        if head is None:
            return
        now = time.perf_counter()
        self.failed += head[9:12] != b"200"
        self.seconds.append(now - self._begun)
        self._buffer = b""
        if now < self.until:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


@dataclass(frozen=True)
class Load:
    """What a load came to: milliseconds, answers a second, and the server's processor time for each answer."""

    p50: float
    p99: float
    longest: float
    rate: float
    processor_us: float
    failed: int
    requests: int
    over_20_ms: int


def load(port: int, process: psutil.Process, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Ask a server on this machine for some seconds."""
    before = processor(process)
    begun = time.perf_counter()
    made = asyncio.run(_ask(port, requests, connections, begun + seconds))
    took = time.perf_counter() - begun
    times = sorted(one * 1000 for connection in made for one in connection.seconds)
    used = processor(process) - before
    return Load(
        statistics.median(times),
        times[int(len(times) * 0.99)],
        times[-1],
        len(times) / took,
        used / len(times) * 1e6,
        sum(connection.failed for connection in made),
        len(times),
        sum(one > 20 for one in times),
    )


async def _ask(port: int, requests: Sequence[bytes], connections: int, until: float) -> list[_Connection]:
    loop, made = asyncio.get_running_loop(), []
    for number in range(connections):
        start = number * (len(requests) // connections)
        _, connection = await loop.create_connection(
            lambda start=start: _Connection(requests, until, start, 1),
            "127.0.0.1",
            port,  # type: ignore[misc]
        )
        made.append(connection)
    await asyncio.gather(*(connection.done for connection in made))
    return made


def processor(process: psutil.Process) -> float:
    """Return the seconds of processor time of a process and its children."""
    number = 0.0
    for one in [process, *process.children(recursive=True)]:
        times = one.cpu_times()
        number += times.user + times.system
    return number
