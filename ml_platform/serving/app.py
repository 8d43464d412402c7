"""The service over HTTP: an ASGI application of a dozen routes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.serving.access import ServiceAccess
from ml_platform.serving.answer_round import AnswerRound, Body, Connection, Made, Pending
from ml_platform.serving.http_messages import JSON, Head, Headers, Request, Response, Route, headers_of, whole_answer
from ml_platform.serving.metrics import Metrics
from ml_platform.serving.overload import Overload
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.served_model import Answered
from ml_platform.serving.service import Service
from ml_platform.serving.tracing import Tracing

_MOST_SEEN, _LONGEST_SEEN = 10_000, 200
"""How many paths, of which length, are remembered with their routes."""
_MOST_KNOWN, _LONGEST_KNOWN = 256, 2000
"""How many heads, of how many bytes, are remembered."""


@dataclass
class App:
    """Routes, and what is done with every request.

    Attributes
    ----------
    routes
        By the path's first part; of those with another part after a name, ``models/predict``.
    log
        Writes the log lines of answers at once, and returns their bodies.
    synced
        Waits until what was written is on the disk.
    known
        Heads of requests by their bytes.
    """

    service: Service
    access: ServiceAccess
    metrics: Metrics
    overload: Overload
    routes: Mapping[str, Route]
    started: Callable[[], Awaitable[None]]
    stopped: Callable[[], Awaitable[None]]
    log: Callable[[Sequence[Answered]], Sequence[Body]]
    synced: Callable[[], Awaitable[None]]
    tracing: Tracing | None = None
    known: dict[bytes, Head] = field(default_factory=dict)
    _seen: dict[str, tuple[Route, str]] = field(default_factory=dict)
    _direct: dict[bytes, tuple[Route, str] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._round = AnswerRound(self.overload, self.log, self.synced, self._leave, self.service.give_back)

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

    def head_of(self, url: bytes, headers: Headers) -> Head | None:
        """Return the head of a POST that can be answered without a task; None for any other."""
        if url not in self._direct:
            route = self._direct_route(url)
            if len(self._direct) >= _MOST_SEEN or len(url) > _LONGEST_SEEN:
                return self._checked(route, headers)
            self._direct[url] = route
        return self._checked(self._direct[url], headers)

    def _direct_route(self, url: bytes) -> tuple[Route, str] | None:
        if set(b"?%#") & set(url):
            return None
        with contextlib.suppress(RequestProblem, UnicodeDecodeError):
            route = self._route(url.decode("ascii"))
            return route if route[0].direct is not None else None
        return None

    def _checked(self, route: tuple[Route, str] | None, headers: Headers) -> Head | None:
        if route is None or route[0].direct is None:
            return None
        problem: Exception | None = None
        try:
            self.access.require(headers, route[0].scope)
            self._check_head(headers)
        except Exception as error:
            problem = error
        return Head(route[0].name, route[0].direct, route[1], headers, 0, problem)

    def know(self, head: bytes, read: Head) -> None:
        """Remember what the parser read in a head: the same bytes mean the same each time."""
        if len(head) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()  # where each head differs, none is worth remembering
            self.known[head] = read

    def answer_directly(self, connection: Connection, head: Head, body: bytes) -> bool:
        """Answer a POST whose body has come with the others of this round; return False where it needs a task."""
        begun = self.metrics.begin()
        try:
            if head.problem is not None:
                raise head.problem
            if len(body) > self.service.limits.body:
                raise self._too_large()
            row = head.direct.read(head.rest, body)
        except Exception as error:
            self._leave([(Pending(connection, head, begun, {}), error)])
            return True
        if row is None:
            return False
        self._round.add(Pending(connection, head, begun, row))
        return True

    def _leave(self, made: Sequence[Made]) -> None:
        """Send answers."""
        responses = [self._response(item.head.route, body) for item, body in made]
        for (item, _), response in zip(made, responses, strict=True):
            head = item.head
            self._count(item.begun, head.route, response.status, ("POST", head.rest, head.headers))
            item.connection.send(whole_answer(response))

    def _response(self, route: str, body: Body | Exception) -> Response:
        try:
            if isinstance(body, Exception):
                raise body
            return Response(self.service.encode(body))
        except Exception as error:
            return self._failed(route, error)

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
            if name == b"content-encoding" and value.strip().lower() != b"identity":
                raise RequestProblem(415, "packed_body", "send the body unpacked, without Content-Encoding.")

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


async def _send(send: Send, response: Response) -> None:
    headers: Any = headers_of(response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
