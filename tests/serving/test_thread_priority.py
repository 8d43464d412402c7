"""Which thread loads a version: one that leaves the core to the answers, unless these wait for the core too."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_platform.serving import thread_priority
from ml_platform.serving.thread_priority import LoadingThreads, ask_for_short_turns, ran_and_waited

linux = pytest.mark.xfail(sys.platform != "linux", reason="other systems have no priorities of threads", strict=True)


def priority() -> int:
    """Return the priority of this thread; 19 is the lowest, and 0 the usual one."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def in_a_thread(work: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@linux
def test_a_version_is_loaded_with_a_lower_priority_unless_answers_wait_for_the_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ran and waited since the start; between two looks 900 and 100, then 500 and 500, then 1000 and 0."""
    seen = iter([(900, 100), (1400, 600), (2400, 600)])
    monkeypatch.setattr(thread_priority, "ran_and_waited", lambda thread: next(seen))

    async def priorities() -> list[int]:
        loading = LoadingThreads()
        taken = [await loading.run(priority) for _ in range(3)]
        loading.close()
        return taken

    before = priority()
    assert asyncio.run(priorities()) == [before + 5, before, before + 5]
    assert priority() == before


@linux
def test_short_turns_change_neither_the_policy_nor_the_priority_of_a_thread() -> None:
    def lowered() -> tuple[bool, int, int]:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 11)
        agreed = ask_for_short_turns()
        return agreed, os.sched_getscheduler(threading.get_native_id()), priority()

    assert in_a_thread(lowered) == (True, os.SCHED_OTHER, 11)


@linux
def test_what_linux_counted_of_a_thread_is_read() -> None:
    ran, waited = ran_and_waited(threading.get_native_id())
    assert ran > 0
    assert waited >= 0
    assert ran_and_waited(1 << 30) == (0, 0), "no such thread"
