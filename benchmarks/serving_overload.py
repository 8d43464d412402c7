"""The service at three times what it can answer: which codes, how long what is accepted takes, and memory.

    python benchmarks/serving_overload.py [--seconds S] [--times 3] [--rounds R] [--project FOLDER]

One worker answers on one core. Its capacity is measured first, with 16 connections that each wait for their answer.
Then requests are sent at a fixed rate, whether answers come or not, each on an idle one of 1,000 connections.
Latency counts from the moment at which the request was due.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop
from serving import free_port, requests_of, running, service
from serving_load import head_of_answer, load, processor
from serving_world import keys_of, served_project

CONNECTIONS = 1000


@dataclass
class Answers:
    """Milliseconds of every answer by status; 0 is a connection that broke. `unsent` found no connection free."""

    by_status: dict[int, list[float]] = field(default_factory=dict)
    unsent: int = 0

    def add(self, status: int, due: float) -> None:
        """Note an answer."""
        self.by_status.setdefault(status, []).append((time.perf_counter() - due) * 1000)

    def of(self, status: int) -> list[float]:
        """Return the milliseconds of the answers with a status, the shortest first."""
        return sorted(self.by_status.get(status, []))


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Answers, idle: deque[_Connection]) -> None:
        self._answers, self._idle, self._due, self._buffer = answers, idle, 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = head_of_answer(self._buffer)
        if head is not None:
            self._answers.add(int(head[9:12]), self._due)
            self._buffer, self._due = b"", 0.0
            if b"connection: close" not in head:
                self._idle.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._due:
            self._answers.add(0, self._due)
        elif self in self._idle:
            self._idle.remove(self)


async def at_rate(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Answers:
    """Send requests at a rate for some seconds, and wait for the answers."""
    loop, answers, idle, sent = asyncio.get_running_loop(), Answers(), deque[_Connection](), 0
    for _ in range(CONNECTIONS):
        idle.append((await loop.create_connection(lambda: _Connection(answers, idle), "127.0.0.1", port))[1])
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        for number in range(sent, int(passed * rate)):
            if idle:
                idle.popleft().send(requests[number % len(requests)], begun + number / rate)
            else:
                answers.unsent += 1
        sent = int(passed * rate)
        await asyncio.sleep(0.001)
    until = time.perf_counter() + 30
    while sum(map(len, answers.by_status.values())) + answers.unsent < sent and time.perf_counter() < until:
        await asyncio.sleep(0.01)
    return answers


def resident(process: psutil.Process) -> float:
    """Return the resident memory of the workers in MB, without pages of files such as the online store."""
    kilobytes = 0
    for child in process.children(recursive=True):
        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return kilobytes / 1e3


def show(rate: float, answers: Answers, seconds: float, before: float, after: float, refusal: float) -> None:
    """Print one line of the table."""
    codes = {code: len(some) for code, some in answers.by_status.items()}
    shares = ", ".join(f"{code}: {count / sum(codes.values()):.1%}" for code, count in sorted(codes.items()))
    accepted, refused = answers.of(200), answers.of(503)
    p50, p99 = statistics.median(accepted), accepted[int(len(accepted) * 0.99)]
    shown = [f"{rate:,.0f}", shares, f"{answers.unsent:,}", f"{len(accepted) / seconds:,.0f}", f"{p50:.0f} ms"]
    shown += [f"{p99:.0f} ms", f"{accepted[-1]:.0f} ms"]
    shown += [f"{refused[int(len(refused) * 0.99)]:.0f} ms" if refused else "", f"{before:.0f} MB", f"{after:.0f} MB"]
    print(f"| {' | '.join([*shown, f'{refusal:.0f} us' if len(refused) > len(accepted) else ''])} |", flush=True)


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--times", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--project", type=Path, help="a project that `serving_world.py` made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder, keys = Path(directory), keys_of(Path(directory), 0, options.entities)
        root = options.project or served_project(folder, 5, options.entities, 600_000)
        rival, port = service("service", root, keys), free_port()
        asked = requests_of(rival, port)
        columns = ["requests a second", "codes", "not sent", "answered a second", "p50", "p99", "longest", "503: p99"]
        columns += ["memory before", "after", "processor time of a 503"]
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        with running(rival, port, folder) as process:
            load(port, process, asked, 16, 2.0)
            for _ in range(options.rounds):
                capacity = load(port, process, asked, 16, 5.0)
                for times in (0.5, options.times):
                    rate, before, used = capacity.rate * times, resident(process), processor(process)
                    answers = uvloop.run(at_rate(port, asked, rate, options.seconds))
                    used = (processor(process) - used) * 1e6 - len(answers.of(200)) * capacity.processor_us
                    show(rate, answers, options.seconds, before, resident(process), used / max(len(answers.of(503)), 1))
                    time.sleep(1.0)


if __name__ == "__main__":
    main()
