"""Waiting for the disk together: one `fdatasync` for all answers that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ml_platform.serving.problems import RequestProblem


class GroupCommit:
    """Lets answers wait until what was written before is on the disk.

    Parameters
    ----------
    sync
        Waits for the disk; it runs in a thread.
    """

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Return once everything that was written before is on the disk.

        Raises
        ------
        RequestProblem
            Where the disk fails.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            problem: RequestProblem | None = None
            try:
                await asyncio.to_thread(self._sync)
            except OSError as error:
                text = f"the prediction cannot be logged ({error.strerror}), so it is not given."
                problem = RequestProblem(503, "log_unavailable", text, 5)
            for done in together:
                if done.cancelled():
                    continue
                if problem is None:
                    done.set_result(None)
                else:
                    done.set_exception(problem)
