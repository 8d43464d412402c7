"""Refusing requests that could not be answered in time, before anything is done for them.

The worker answers one request after the other. Where its loop comes round late, that is how long a new request waits.
"""

from __future__ import annotations

import asyncio
import time

from ml_platform.serving.problems import RequestProblem

_EVERY = 0.02


class Overload:
    """Measures how long requests wait, and refuses new ones while that is too long.

    Parameters
    ----------
    max_wait
        Seconds that a request may wait before its turn.
    """

    def __init__(self, max_wait: float = 1.0) -> None:
        self._max_wait, self._expected = max_wait, float("inf")
        self._wait = 0.0

    def admit(self) -> None:
        """Refuse a request while the worker is behind.

        Raises
        ------
        RequestProblem
        """
        late = time.monotonic() - self._expected
        if late > self._max_wait or self._wait > self._max_wait:
            raise RequestProblem(503, "overloaded", "more requests come than this service can answer.", retry_after=1)

    async def watch(self) -> None:
        """Measure until it is cancelled."""
        while True:
            self._expected = time.monotonic() + _EVERY
            await asyncio.sleep(_EVERY)
            self._wait = max(0.0, time.monotonic() - self._expected)
