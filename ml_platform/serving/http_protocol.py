"""HTTP as uvicorn speaks it, with shorter ways for what comes most often.

While more comes than can be answered, most requests are refused: a refusal needs no task, no reading of the body, and
no JSON. It is written as soon as the head of a request is there. A request that came whole, and whose answer waits for
nothing, needs no task either: its answer leaves with those of the same round of the loop (`AnswerRound`). And a head
with the same bytes as one that the parser has read before is not read again: a client sends the same head each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_platform.serving.app import App
from ml_platform.serving.http_messages import Head
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.overload import Overload, overloaded

_ALWAYS = (b"/healthz", b"/readyz", b"/ping", b"/metrics", b"/v2/health/")
"""Paths that are answered in an overload, too: who watches the service asks there."""
_PROBLEM = overloaded()
_BODY = msgspec.json.encode(_PROBLEM.body)
_HEAD = (
    f"HTTP/1.1 {_PROBLEM.status} Service Unavailable\r\ncontent-type: application/json\r\n"
    f"retry-after: {_PROBLEM.retry_after}\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n"
    f"cross-origin-resource-policy: same-origin\r\ncontent-length: {len(_BODY)}\r\n"
).encode()
_REFUSAL = _HEAD + b"\r\n" + _BODY
_LAST_REFUSAL = _HEAD + b"connection: close\r\n\r\n" + _BODY
_END_OF_HEAD = b"\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Requests beyond the limits get 503 with ``Retry-After``."""

    def __init__(self, app: App, overload: Overload, metrics: Metrics, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._app, self._overload, self._metrics = app, overload, metrics
        self._head: Head | None = None  # of the request whose body comes, where it may be answered without a task
        self._body = b""
        self._is_between = True  # the parser waits for the first byte of a request
        self._begun = 0  # requests, since data came last
        self._learned: list[Head] = []  # heads that were answered since then
        self._direct: Any = _Direct()
        self._needs_task = False
        self._used_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or refuse what it would ask."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._overload.connections += 1
        if self._overload.connections > self._overload.limits.connections:
            self._refuse(last=True)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget a connection."""
        self._overload.connections -= 1
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Read requests; a whole one with a known head is answered without the parser."""
        end = data.find(_END_OF_HEAD) + 4
        head = self._app.known.get(data[:end])
        if head is None or len(data) - end != head.length or not self._is_between or not self._takes_directly():
            return self._read(data)
        self._used_at = self.loop.time()
        if not self._answer(head, data[end:]):
            self._needs_task = True
            self._read(data)
            self._needs_task = False

    def _takes_directly(self) -> bool:
        cycle = self.cycle
        free = cycle is None or cycle.response_complete
        return free and not self.flow.write_paused and not self._overload.is_full

    def _read(self, data: bytes) -> None:
        """Let the parser read; a request of which a part is missing is begun as uvicorn begins it."""
        self._is_first, whole = True, self._is_between
        self._begun, self._learned = 0, []
        super().data_received(data)
        if self._head is not None:
            self._begin_with_task()
        end = data.find(_END_OF_HEAD) + 4
        if self._learned and whole and self._begun == 1 and data[end:] == self._body:  # so it is the whole head
            self._app.know(data[:end], self._learned[0])

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._is_between = False
        self._begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin a request, or refuse it; one that comes before the answer to the last is begun."""
        free = self.cycle is None or self.cycle.response_complete
        if free and self._overload.is_full and not self.url.startswith(_ALWAYS):
            self.cycle = _ANSWERED
            self._refuse(last=self.expect_100_continue or not self.parser.should_keep_alive())
            return
        if free and self._is_plain():
            self._head, self._body = self._app.head_of(self.url, self.headers), b""
        if self._head is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body."""
        if self._head is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer a request that came whole."""
        self._is_between = not self.parser.should_upgrade()
        head, self._head = self._head, None
        if head is None:
            return super().on_message_complete()
        self._is_first = False
        if not self._answer(head, self._body):
            self._head = head
            self._begin_with_task()
            super().on_message_complete()
        elif head.problem is None:
            self._learned.append(head._replace(length=len(self._body)))

    def send(self, answer: bytes) -> None:
        """Send the answer to the request that was last answered without a task."""
        direct, transport = self._direct, self.transport
        direct.response_complete = True
        self._overload.requests -= 1
        if transport.is_closing():
            return
        transport.write(answer)
        if not direct.keep_alive:
            transport.close()
        if self.pipeline or self.timeout_keep_alive_task is None:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was not used for long; the parser's timer does not know of heads that are known."""
        remaining = self._used_at + self.timeout_keep_alive - self.loop.time()
        if remaining > 0:
            self.timeout_keep_alive_task = self.loop.call_later(remaining, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _answer(self, head: Head, body: bytes) -> bool:
        """Answer a request with the others of this round; return False where it needs a task."""
        before, direct = self.cycle, self._direct
        self.cycle, direct.response_complete, direct.keep_alive = direct, False, True
        self._overload.requests += 1
        if self._app.answer_directly(self, head, body):
            return True
        self._overload.requests -= 1
        self.cycle = before
        return False

    def _is_plain(self) -> bool:
        """Return whether a request is a POST with nothing special, of a client that reads its answers.

        Of several that came together only the first is: the others wait for their turn.
        """
        parser = self.parser
        return (
            self._is_first
            and not self._needs_task
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
        )

    def _begin_with_task(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            super().on_headers_complete()
            if self._body:
                super().on_body(self._body)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._overload.requests += 1
        super()._start_asgi_task(cycle, self._counted(app))

    def _counted(self, app: Any) -> Callable[..., Any]:
        async def counted(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            finally:
                self._overload.requests -= 1

        return counted

    def _refuse(self, last: bool) -> None:
        self._metrics.end(self._metrics.begin(), "refused", _PROBLEM.status)
        self.transport.write(_LAST_REFUSAL if last else _REFUSAL)
        if last:
            self.transport.close()
        self.on_response_complete()


class _Direct(SimpleNamespace):
    """Represents, for uvicorn, a request that is answered without a task."""

    response_complete = True
    keep_alive = True
    disconnected = False
    message_event = asyncio.Event()


_ANSWERED: Any = _Direct()
"""Represents a request that was refused: what follows of its body is read and dropped."""
