"""Requests and answers as the routes see them, and the bytes of an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ml_platform.serving.access import Scope

if TYPE_CHECKING:
    from ml_platform.serving.served_model import Answered

JSON = b"application/json"
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
Row = Mapping[str, Any]


class Direct(NamedTuple):
    """How bodies of one row are answered without a task; a name is what a path has after the route.

    Attributes
    ----------
    read
        Returns the row of a body; None where `Route.handler` must answer.
    answer
        Returns for each of some rows its answer, which is not logged yet, or why it has none.
    """

    read: Callable[[str, bytes], Row | None]
    answer: Callable[[str, Sequence[Row]], Sequence[Answered | Exception]]


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
        How POSTs that wait for nothing are answered; None where each needs a task.
    """

    name: str
    methods: frozenset[str]
    handler: Handler
    scope: Scope | None = None
    direct: Direct | None = None


class Head(NamedTuple):
    """The head of a POST that may be answered without a task, as the parser read it.

    Attributes
    ----------
    route, direct
        The route's name, and how it is answered.
    length
        Of the body, in bytes.
    problem
        Why the head alone is refused; None where it is not.
    """

    route: str
    direct: Direct
    rest: str
    headers: Headers
    length: int = 0
    problem: Exception | None = None


def headers_of(response: Response) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer."""
    return [
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        *_HEADERS,
        *response.headers,
    ]


def whole_answer(response: Response) -> bytes:
    """Return an answer as it is sent."""
    if response.status == 200 and response.content_type == JSON and not response.headers:
        return _USUAL_HEAD % len(response.body) + response.body
    return _head(response) + response.body


def _head(response: Response) -> bytes:
    lines = [b"%b: %b\r\n" % header for header in headers_of(response)]
    return b"".join([STATUS_LINE[response.status], *lines, b"\r\n"])


_USUAL_HEAD = _head(Response(b"")).replace(b"content-length: 0", b"content-length: %d")
