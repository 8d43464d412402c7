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

import httptools
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
_LATE_HEAD = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_OF_UPGRADE = frozenset({b"upgrade", b"connection", b"http2-settings"})
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
        self._plain_head = b""  # of a request that asks for another protocol, without that
        self._head_due: asyncio.TimerHandle | None = None  # ends a connection on which no whole head comes
        self._is_head_begun, self._is_due_fixed = False, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or refuse what it would ask."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._overload.connections += 1
        if self._overload.connections > self._overload.limits.connections:
            self._refuse(last=True)
        else:
            self._expect_head(self.timeout_keep_alive)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget a connection."""
        self._overload.connections -= 1
        self._head_came()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Read requests; a whole one with a known head is answered without the parser."""
        end = data.find(_END_OF_HEAD) + 4
        head = self._app.known.get(data[:end])
        if head is None or len(data) - end != head.length or not self._is_between or not self._takes_directly():
            return self._read(data)
        self._used_at = self.loop.time()
        self._head_came()
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
        self._unset_keepalive_if_required()
        self._parse(data)
        if self._is_head_begun and not self.transport.is_closing():
            self._expect_head(self._overload.limits.seconds, is_begun=True)
        if self._head is not None:
            self._begin_with_task()
        end = data.find(_END_OF_HEAD) + 4
        if self._learned and whole and self._begun == 1 and data[end:] == self._body:  # so it is the whole head
            self._app.know(data[:end], self._learned[0])

    def _parse(self, data: bytes) -> None:
        """Let the parser read; who asks for another protocol, such as h2c, is answered in this one."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            head, self._plain_head = self._plain_head, b""
            self.parser = httptools.HttpRequestParser(self)
            self._parse(head + data[upgrade.args[0] :]) if head else self._refuse_malformed()
        except httptools.HttpParserError:
            self._refuse_malformed()

    def _refuse_malformed(self) -> None:
        self._metrics.end(self._metrics.begin(), "malformed", 400)
        self._is_head_begun = False
        self.send_400_response("This is no HTTP request.")

    def _without_upgrade(self) -> bytes:
        """Return the head that was read, without what asks for another protocol; "" for a tunnel."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            return b""
        kept = [b"%b: %b\r\n" % header for header in self.headers if header[0] not in _OF_UPGRADE]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(kept))

    def _expect_head(self, seconds: float, *, is_begun: bool = False) -> None:
        """End the connection after some seconds, unless a whole head comes. Its bytes give one that began no more."""
        if not self._is_due_fixed:
            self._head_came()
            self._head_due, self._is_due_fixed = self.loop.call_later(seconds, self._end_without_head), is_begun

    def _head_came(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due, self._is_due_fixed = None, False

    def _end_without_head(self) -> None:
        self._head_came()
        if self.cycle is not None and not self.cycle.response_complete:  # its answer leaves first
            return self._expect_head(self._overload.limits.seconds, is_begun=True)
        if not self.transport.is_closing():
            self.transport.write(_LATE_HEAD if self._is_head_begun else b"")
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._is_between, self._is_head_begun = False, True
        self._begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin a request, or refuse it; one that comes before the answer to the last is begun."""
        self._is_head_begun = False
        if self.parser.should_upgrade():
            self._plain_head = self._without_upgrade()
            return
        self._head_came()
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
        if self.parser.should_upgrade():
            return None  # it is read once more, as a request of this protocol
        self._is_between = True
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
