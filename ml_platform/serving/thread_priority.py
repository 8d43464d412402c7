"""What a worker asks of Linux's scheduler, so that a thread that loads a version delays answers as little as it can.

Both threads share the interpreter, and often one core. With equal priority the loading thread takes half of that core,
in turns of milliseconds. Other systems have no priorities of threads, and nothing is done there.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import platform
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_LOWER = 5
"""How much is added to the nice value of a loading thread. With 19 a rollback took seconds at full load."""
_TURN_NANOSECONDS = 100_000
_KEEP_POLICY = 0x08
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""The number of the system call; the C library has it since 2024 only."""
_CROWDED = 0.25


def ask_for_short_turns() -> bool:
    """Ask for turns of 0.1 ms for this thread, and return whether Linux agreed.

    A thread that wakes up for a short turn need not wait for the end of another's (since Linux 6.12). Its share of the
    core stays the same.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = struct.pack("IIQiIQQQ", 48, 0, _KEEP_POLICY, nice, 0, _TURN_NANOSECONDS, 0, 0)
    return bool(ctypes.CDLL(None).syscall(number, 0, attributes, 0) == 0)


class LoadingThreads:
    """Runs what may load a version: in a thread that leaves the core to the answers, unless neighbors want it too.

    A thread of a lower priority holds the interpreter's lock at times. Where a process of the same group of the
    scheduler wants the core as well, answers would wait for a thread that hardly gets a turn: up to 0.7 s were seen.
    So a thread of the usual priority loads where answers waited for the core themselves.
    """

    def __init__(self) -> None:
        """Watch the thread that calls this, which is the one that answers."""
        self._patient = ThreadPoolExecutor(1, "patient", _take_lower_priority)
        self._usual = ThreadPoolExecutor(1, "usual")
        self._answering, self._before = threading.get_native_id(), (0, 0)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what some work returns."""
        pool = self._usual if self._is_crowded() else self._patient
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def close(self) -> None:
        """Let the threads end with the work that they do."""
        self._patient.shutdown(wait=False)
        self._usual.shutdown(wait=False)

    def _is_crowded(self) -> bool:
        """Return whether, since the last call, the answering thread waited for the core for long."""
        now = ran_and_waited(self._answering)
        ran, waited = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now
        return waited > _CROWDED * (ran + waited)


def ran_and_waited(thread: int) -> tuple[int, int]:
    """Return how long a thread of this process ran and waited for a core, in nanoseconds; zeros if unknown."""
    with contextlib.suppress(OSError, ValueError):
        ran, waited, _ = Path(f"/proc/self/task/{thread}/schedstat").read_text().split()
        return int(ran), int(waited)
    return 0, 0


def _take_lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere it would be the priority of the process
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _LOWER)
