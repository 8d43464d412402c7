"""HTTP as uvicorn speaks it, with two shorter ways for what comes most often.

While more comes than can be answered, most requests are refused: a refusal needs no task, no reading of the body, and
no JSON. It is written as soon as the head of a request is there. And a request that came whole, and whose answer waits
for nothing, is answered at once: a task and the messages of ASGI would take longer than the prediction itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_platform.serving.app import App, Route
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


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Requests beyond the limits get 503 with ``Retry-After``."""

    def __init__(self, app: App, overload: Overload, metrics: Metrics, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._app, self._overload, self._metrics = app, overload, metrics
        self._route: tuple[Route, str] | None = (
            None  # of the request whose body comes, where it may be answered at once
        )
        self._body = b""

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
        """Read requests; one of which a part is missing is begun as uvicorn begins it."""
        self._is_first = True
        super().data_received(data)
        if self._route is not None:
            self._begin_with_task()

    def on_headers_complete(self) -> None:
        """Begin a request, or refuse it; one that comes before the answer to the last is begun."""
        free = self.cycle is None or self.cycle.response_complete
        if free and self._overload.is_full and not self.url.startswith(_ALWAYS):
            self.cycle = _ANSWERED
            self._refuse(last=self.expect_100_continue or not self.parser.should_keep_alive())
            return
        if free and self._is_plain():
            self._route, self._body = self._app.direct_route(self.url), b""
        if self._route is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body."""
        if self._route is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer a request that came whole."""
        if self._route is None:
            return super().on_message_complete()
        answer = self._app.answer_directly(*self._route, self.headers, self._body)
        if answer is None:
            self._begin_with_task()
            return super().on_message_complete()
        self._route, self.cycle, self._is_first = None, _ANSWERED, False
        self.transport.write(answer)
        self.on_response_complete()

    def _is_plain(self) -> bool:
        """Return whether a request is a POST with nothing special, of a client that reads its answers.

        Of several that came together only the first is: the others wait for their turn.
        """
        parser = self.parser
        return (
            self._is_first
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
        )

    def _begin_with_task(self) -> None:
        self._route = None
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


_ANSWERED: Any = SimpleNamespace(
    response_complete=True, keep_alive=True, disconnected=False, message_event=asyncio.Event()
)
"""Represents a request that was answered: what follows of its body is read and dropped."""
