"""Refusing requests that could not be answered in time, before anything is done for them.

A worker answers one request after the other, so the number of requests in progress, and how late its loop comes round,
show how long a new one waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ml_platform.serving.limits import Limits
from ml_platform.serving.problems import RequestProblem

_EVERY = 0.02


def overloaded() -> RequestProblem:
    """Return the answer to a request that is refused; a new one each time, since an exception keeps its traceback."""
    text = "more requests come than this service can answer. Send it again later."
    return RequestProblem(503, "overloaded", text, retry_after=1)


class Room:
    """Takes so much at once; one thing alone is always taken."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0

    @contextmanager
    def take(self, count: int = 1) -> Iterator[None]:
        """Take some of the room during the block.

        Raises
        ------
        RequestProblem
            Where there is not enough.
        """
        if self._taken and self._taken + count > self._most:
            raise overloaded()
        self._taken += count
        try:
            yield
        finally:
            self._taken -= count


class Overload:
    """What one worker has in progress, and whether it takes more.

    Attributes
    ----------
    limits
        How much it takes.
    requests, connections
        In progress, and open.
    rows, explanations
        Room for what takes longer than one row.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.requests, self.connections = limits, 0, 0
        self.rows, self.explanations = Room(limits.rows_at_once), Room(limits.explanations)
        self._expected, self._wait = float("inf"), 0.0

    @property
    def is_full(self) -> bool:
        """Whether a request that comes now is refused."""
        limits = self.limits
        late = self._wait > limits.wait or time.monotonic() - self._expected > limits.wait
        return late or self.requests >= limits.requests

    @property
    def is_late(self) -> bool:
        """Whether requests wait too long for their turn."""
        most = self.limits.wait
        return self._wait > most or time.monotonic() - self._expected > most

    def admit(self) -> None:
        """Refuse a request whose turn came too late.

        Raises
        ------
        RequestProblem
        """
        if self.is_late:
            raise overloaded()

    async def watch(self) -> None:
        """Measure how late the loop comes round, until it is cancelled."""
        while True:
            self._expected = time.monotonic() + _EVERY
            await asyncio.sleep(_EVERY)
            self._wait = max(0.0, time.monotonic() - self._expected)
