"""Requests of one row that came in one round of the loop are answered together.

Each step (look-up, prediction, log, answer) is done for all of them before the next one: that takes two thirds of the
time of one request after the other, since a step finds its code and its data in the processor's caches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from ml_platform.serving.http_messages import Head, Row
from ml_platform.serving.overload import Overload, overloaded
from ml_platform.serving.served_model import Answered

AT_ONCE = 16
"""Requests that are answered together at most."""
_SECONDS = 0.002
"""How long that may take: the first of them waits for the last, so requests to a slow model are answered one by one."""
Body = Mapping[str, Any]
Item = TypeVar("Item")
Result = TypeVar("Result")


class Connection(Protocol):
    """Where an answer is sent."""

    def send(self, answer: bytes) -> None:
        """Send the answer to the request that is in progress."""
        ...


class Pending(NamedTuple):
    """A request whose answer is to be made.

    Attributes
    ----------
    begun
        When it came (`Metrics.begin`).
    """

    connection: Connection
    head: Head
    begun: float
    row: Row


Made = tuple[Pending, Body | Exception]
"""A request with the body of its answer, or why it gets none."""


class AnswerRound:
    """Collects requests until the loop has read what came, and answers them.

    Parameters
    ----------
    log
        Writes the log lines of answers at once, all or none, and returns their bodies.
    synced
        Waits until what was written is on the disk.
    leave
        Sends answers.
    give_back
        Gives back what answers took that are not sent.
    """

    def __init__(
        self,
        overload: Overload,
        log: Callable[[Sequence[Answered]], Sequence[Body]],
        synced: Callable[[], Awaitable[None]],
        leave: Callable[[Sequence[Made]], None],
        give_back: Callable[[Sequence[Answered]], None],
    ) -> None:
        self._overload, self._log, self._synced, self._leave = overload, log, synced, leave
        self._give_back = give_back
        self._pending: list[Pending] = []
        self._syncing: set[asyncio.Task[None]] = set()
        self._size = 1

    def add(self, pending: Pending) -> None:
        """Answer a request with the others of this round."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._end)
        self._pending.append(pending)

    def _end(self) -> None:
        pending, self._pending, at = self._pending, [], 0
        while at < len(pending):
            some, begun = pending[at : at + self._size], time.perf_counter()
            self._answer(some)
            most = int(_SECONDS * len(some) / (time.perf_counter() - begun))
            self._size = max(1, min(most, 2 * self._size, AT_ONCE))
            at += len(some)

    def _answer(self, pending: Sequence[Pending]) -> None:
        if self._overload.is_late:
            return self._leave([(item, overloaded()) for item in pending])
        by_name: dict[str, list[Pending]] = {}
        for item in pending:
            by_name.setdefault(item.head.rest, []).append(item)
        for items in by_name.values():
            self._answer_for_name(items)

    def _answer_for_name(self, items: Sequence[Pending]) -> None:
        """Answer and log; then all leave, those that wait for the disk later."""
        _, direct, name, *_ = items[0].head
        answers = _together(lambda some: direct.answer(name, [item.row for item in some]), items)
        answered = [answer for answer in answers if not isinstance(answer, Exception)]
        bodies = iter(_together(self._log, answered))
        now, later = list[Made](), list[Made]()
        for item, answer in zip(items, answers, strict=True):
            if isinstance(answer, Exception):
                now.append((item, answer))
                continue
            body = next(bodies)
            if isinstance(body, Exception):
                self._give_back([answer])
            (later if answer.served.is_synced and not isinstance(body, Exception) else now).append((item, body))
        self._leave(now)
        if later:
            task = asyncio.get_running_loop().create_task(self._leave_synced(later))
            self._syncing.add(task)
            task.add_done_callback(self._syncing.discard)

    async def _leave_synced(self, made: Sequence[Made]) -> None:
        try:
            await self._synced()
        except Exception as error:
            made = [(item, error) for item, _ in made]
        self._leave(made)


def _together(
    work: Callable[[Sequence[Item]], Sequence[Result | Exception]], items: Sequence[Item]
) -> Sequence[Result | Exception]:
    """Return the results of work that is done for all at once; where that fails, for each alone.

    So no request gets the fault of another one.
    """
    try:
        return work(items) if items else []
    except Exception as error:
        if len(items) == 1:
            return [error]
    return [_together(work, [item])[0] for item in items]
