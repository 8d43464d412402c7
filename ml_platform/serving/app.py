"""The service over HTTP: an ASGI application of a dozen routes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.serving.access import Scope as TokenScope
from ml_platform.serving.access import ServiceAccess
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.overload import Overload
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.service import Service
from ml_platform.serving.tracing import Tracing

JSON = b"application/json"
_MOST_SEEN, _LONGEST_SEEN = 10_000, 200
"""How many paths, of which length, are remembered with their routes."""
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


Headers = Sequence[tuple[bytes, bytes]]


class Request(NamedTuple):
    """A request whose body has come.

    Attributes
    ----------
    rest
        The path after the route, such as the name of a model.
    """

    method: str
    rest: str
    body: bytes
    headers: Headers
    query: bytes


class Response(NamedTuple):
    """What is sent."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: Headers = ()


Handler = Callable[[Request], Awaitable[Response]]
DirectHandler = Callable[[Request], Response | None]


@dataclass(frozen=True)
class Route:
    """A handler with what it needs.

    Attributes
    ----------
    name
        How metrics call it.
    scope
        The scope of a token that it needs; None for none.
    direct
        Answers a POST that waits for nothing, without a task; it gives None where `handler` must answer.
    """

    name: str
    methods: frozenset[str]
    handler: Handler
    scope: TokenScope | None = None
    direct: DirectHandler | None = None


@dataclass
class App:
    """Routes, and what is done with every request.

    Attributes
    ----------
    routes
        By the path's first part; of those with another part after a name, ``models/predict``.
    """

    service: Service
    access: ServiceAccess
    metrics: Metrics
    overload: Overload
    routes: Mapping[str, Route]
    started: Callable[[], Awaitable[None]]
    stopped: Callable[[], Awaitable[None]]
    tracing: Tracing | None = None
    _seen: dict[str, tuple[Route, str]] = field(default_factory=dict)
    _direct: dict[bytes, tuple[Route, str] | None] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] != "http":
            return None
        timer = self.metrics.begin()
        name, rest = "unknown", ""
        try:
            route, rest = self._route(scope["path"])
            name = route.name
            if scope["method"] not in route.methods:
                allowed = ", ".join(sorted(route.methods))
                raise RequestProblem(405, "wrong_method", f"{scope['method']} is not answered here, but {allowed}.")
            self.access.require(scope["headers"], route.scope)
            if route.scope is not None:
                self.overload.admit()
            body = await self._body(scope["headers"], receive) if scope["method"] == "POST" else b""
            request = Request(scope["method"], rest, body, scope["headers"], scope["query_string"])
            response = await route.handler(request)
        except Exception as error:
            response = self._failed(name, error)
        self._count(timer, name, response.status, (scope["method"], rest, scope["headers"]))
        await _send(send, response)

    def direct_route(self, url: bytes) -> tuple[Route, str] | None:
        """Return the route of a POST that can be answered without a task; None for any other."""
        if url not in self._direct:
            route: tuple[Route, str] | None = None
            if not set(b"?%#") & set(url):
                with contextlib.suppress(RequestProblem, UnicodeDecodeError):
                    route = self._route(url.decode("ascii"))
            if route is not None and route[0].direct is None:
                route = None
            if len(self._direct) >= _MOST_SEEN or len(url) > _LONGEST_SEEN:
                return route
            self._direct[url] = route
        return self._direct[url]

    def answer_directly(self, route: Route, rest: str, headers: Headers, body: bytes) -> bytes | None:
        """Return the whole answer to a POST whose body has come; None where it needs a task."""
        assert route.direct is not None
        timer = self.metrics.begin()
        try:
            self.access.require(headers, route.scope)
            self._check_head(headers)
            if len(body) > self.service.limits.body:
                raise self._too_large()
            response = route.direct(Request("POST", rest, body, headers, b""))
        except Exception as error:
            response = self._failed(route.name, error)
        if response is None:
            return None
        self._count(timer, route.name, response.status, ("POST", rest, headers))
        lines = [b"%b: %b\r\n" % header for header in _headers(response)]
        return b"".join([STATUS_LINE[response.status], *lines, b"\r\n", response.body])

    def _count(self, timer: float, route: str, status: int, asked: tuple[str, str, Headers]) -> None:
        """Count an answer, and record a span of it where that is wanted; `asked` is method, name and headers."""
        seconds = self.metrics.end(timer, route, status)
        if self.tracing is not None:
            method, name, headers = asked
            self.tracing.answered(method, route, name, headers, status, seconds)

    def _failed(self, name: str, error: Exception) -> Response:
        """Return the answer to a request whose handler raised."""
        if isinstance(error, RequestProblem):
            return self.refusal(error)
        if isinstance(error, OnlineStoreUnavailable):
            return self.refusal(RequestProblem(503, "store_unavailable", str(error), retry_after=5))
        return self.refusal(self.metrics.unexpected(name, error))

    def refusal(self, problem: RequestProblem) -> Response:
        """Return the answer to a request that gets no other."""
        retry = [] if problem.retry_after is None else [(b"retry-after", str(problem.retry_after).encode())]
        if problem.status == 401:
            retry = [*retry, (b"www-authenticate", b"Bearer")]
        return Response(self.service.encode(problem.body), problem.status, headers=retry)

    def _route(self, path: str) -> tuple[Route, str]:
        route = self._seen.get(path)
        if route is None:
            route = find_route(self.routes, path)
            if len(self._seen) < _MOST_SEEN and len(path) <= _LONGEST_SEEN:
                self._seen[path] = route
        return route

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """Return the body, refused as soon as it is too large, of another type, or too slow."""
        self._check_head(headers)
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body"):
            body = await self._rest_of(body, receive)
        if len(body) > self.service.limits.body:
            raise self._too_large()
        return bytes(body)

    def _check_head(self, headers: Headers) -> None:
        for name, value in headers:
            if name == b"content-length" and int(value) > self.service.limits.body:
                raise self._too_large()
            if name == b"content-type" and value != JSON and value.partition(b";")[0].strip().lower() != JSON:
                raise RequestProblem(415, "wrong_type", "send Content-Type: application/json.")

    async def _rest_of(self, body: bytes, receive: Receive) -> bytes:
        parts, size, more = [body], len(body), True
        try:
            async with asyncio.timeout(self.service.limits.seconds):
                while more and size <= self.service.limits.body:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RequestProblem.malformed("the connection ended before the body did.")
                    parts.append(message.get("body", b""))
                    size, more = size + len(parts[-1]), bool(message.get("more_body"))
        except TimeoutError:
            raise RequestProblem(408, "body_too_slow", "the body did not come in time.") from None
        return b"".join(parts)

    def _too_large(self) -> RequestProblem:
        return RequestProblem(413, "body_too_large", f"a body has at most {self.service.limits.body:,} bytes.")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.started()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stopped()
        await send({"type": "lifespan.shutdown.complete"})


def find_route(routes: Mapping[str, Route], path: str) -> tuple[Route, str]:
    """Return the route of a path, and the rest of the path.

    Raises
    ------
    RequestProblem
    """
    whole = path.strip("/")
    if whole in routes:
        return routes[whole], ""
    parts = whole.split("/")
    if len(parts) == 2 and parts[0] in routes:
        return routes[parts[0]], parts[1]
    for place in (1, 2):  # the place of the name: models/NAME/predict, v2/models/NAME
        if len(parts) > place:
            key = "/".join([*parts[:place], *parts[place + 1 :]])
            if key in routes and parts[place]:
                return routes[key], parts[place]
    raise RequestProblem(404, "unknown_path", "there is nothing at this path. GET /openapi.json lists what there is.")


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        *_HEADERS,
        *response.headers,
    ]


async def _send(send: Send, response: Response) -> None:
    headers: Any = _headers(response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
