"""A guard before a web server: requests from other sites are refused, and every answer carries security headers.

Dagster 1.13 and MLflow 3.17 have no login. Without a guard, any page that the operator's browser shows can reach
them: by DNS rebinding, by requests that need no CORS preflight, through WebSockets (which have no same-origin rule),
or from another port of the same machine. Sources: Fetch Metadata Request Headers (W3C); OWASP, Cross-Site Request
Forgery Prevention.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_platform.core.web.access import Access
from ml_platform.core.web.policies import COMMON_HEADERS, UI_POLICY

MALFORMED, FORBIDDEN, UNAUTHORIZED, WRONG_METHOD, WRONG_TYPE = 400, 403, 401, 405, 415
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Refusal:
    """The status and the reason with which a request is refused."""

    status: int
    reason: str


@dataclass(frozen=True)
class Rules:
    """Which requests may pass.

    Attributes
    ----------
    methods
        HTTP methods that the server has a use for.
    body_types
        Media types of POST. A page elsewhere can send none of them without a CORS preflight, which nothing answers.
        Other methods than GET, HEAD and POST always need one.
    post_only
        Last parts of paths that answer POST only, such as ``graphql``.
    """

    access: Access
    methods: frozenset[str] = frozenset({"GET", "HEAD", "POST"})
    body_types: frozenset[str] = frozenset({"application/json"})
    post_only: frozenset[str] = frozenset({"graphql"})
    cookie: str = field(default="")

    def __post_init__(self) -> None:
        # Cookies go to every port of a host: two servers on one host must not overwrite each other's.
        port = next((host.rpartition(":")[2] for host in sorted(self.access.hosts) if ":" in host), "80")
        object.__setattr__(self, "cookie", self.cookie or f"ml_platform_{port}")

    def refusal(self, scope: Scope) -> Refusal | None:
        """Return why a request is refused, or None where it may pass."""
        headers = Headers(scope=scope)
        return self._foreign(scope, headers) or self._unknown(headers) or self._malformed(scope, headers)

    def has_token(self, headers: Headers) -> bool:
        """Return whether a request carries the token, in ``Authorization: Bearer`` or in the cookie."""
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return any(self.is_token(value) for value in (sent if scheme.lower() == "bearer" else "", cookie))

    def is_token(self, value: str) -> bool:
        """Compare a value with the token, in a time that does not depend on where they differ."""
        return self.access.token is not None and hmac.compare_digest(value.encode(), self.access.token.encode())

    def _foreign(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Refuse what another site sends, or sends to a name that is not ours."""
        host, origins, websocket = headers.get("host", "").lower(), headers.getlist("origin"), _is_websocket(scope)
        if len(headers.getlist("host")) != 1 or host not in self.access.hosts:
            return Refusal(FORBIDDEN, "unknown Host header. Open the server by the address that it printed.")
        # `null` (a sandbox, a file) and another port are other origins. A browser sends Origin with each POST.
        if any(origin.lower() not in (f"http://{host}", f"https://{host}") for origin in origins):
            return Refusal(FORBIDDEN, "the request comes from another origin")
        if websocket and not origins and not self.has_token(headers):
            return Refusal(FORBIDDEN, "a WebSocket without Origin needs the token")
        sites = set(headers.getlist("sec-fetch-site"))
        # Another port of this machine is `same-site`; `none` is an address that was typed, or a bookmark.
        if not sites <= {"same-origin", "none"} and not _is_link(scope, headers):
            return Refusal(FORBIDDEN, "the request comes from another site")
        return None

    def _unknown(self, headers: Headers) -> Refusal | None:
        if self.access.token is None or self.has_token(headers):
            return None
        return Refusal(UNAUTHORIZED, "open the address with ?token=... once, or send Authorization: Bearer TOKEN")

    def _malformed(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Refuse the forms of a request that change something without a preflight."""
        if _CONTROL.search(scope["path"]):  # a router takes `/graphql%0A` for `/graphql`, and the checks below do not
            return Refusal(MALFORMED, "the path holds a control character")
        if _is_websocket(scope):
            return None
        method, last = scope["method"], scope["path"].rstrip("/").rpartition("/")[2].lower()
        if method not in self.methods:
            return Refusal(WRONG_METHOD, f"{method} is not allowed")
        if last in self.post_only and method != "POST":
            return Refusal(WRONG_METHOD, "only POST is answered here")
        types = [value.split(";")[0].strip().lower() for value in headers.getlist("content-type")]
        if method == "POST" and not (len(types) == 1 and types[0] in self.body_types):
            return Refusal(WRONG_TYPE, f"POST needs Content-Type: {', '.join(sorted(self.body_types))}")
        return None


def _is_websocket(scope: Scope) -> bool:
    return bool(scope["type"] == "websocket")


def _is_link(scope: Scope, headers: Headers) -> bool:
    """Return whether a person followed a link to a page, which changes nothing and shows the other site nothing."""
    fetch = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return scope.get("method") == "GET" and fetch == ("navigate", "document")


def _take_token(scope: Scope) -> str | None:
    """Take ``token`` out of the query of any client: servers write the query into their logs."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    tokens = [value for name, value in query if name == "token"]
    if tokens:
        scope["query_string"] = urlencode([(name, value) for name, value in query if name != "token"]).encode()
    return tokens[-1] if tokens else None


def ui_headers(_: str) -> Mapping[str, str]:
    """Return the headers of a page that only the server's own windows may show."""
    return {"Content-Security-Policy": UI_POLICY, "X-Frame-Options": "DENY"}


class Guard:
    """ASGI middleware that refuses by the rules and adds security headers to every answer.

    Parameters
    ----------
    headers_of
        Headers by path, beside those that every answer has.
    """

    def __init__(self, app: ASGIApp, rules: Rules, headers_of: Callable[[str], Mapping[str, str]] = ui_headers) -> None:
        self._app, self._rules, self._headers_of = app, rules, headers_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        token = _take_token(scope) if self._rules.access.token is not None else None
        refusal = self._rules.refusal(scope)
        if refusal is not None and _is_websocket(scope):
            await receive()  # websocket.connect: a close before the accept is answered with 403
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
        answer = self._app
        if token is not None and (refusal is None or refusal.status == UNAUTHORIZED):
            answer = self._login(scope, token) or answer
        if refusal is not None and answer is self._app:
            answer = PlainTextResponse(f"{refusal.reason}\n", refusal.status)
        await answer(scope, receive, self._with_headers(scope, send))

    def _login(self, scope: Scope, token: str) -> RedirectResponse | None:
        """Trade ``?token=`` for a cookie, so that the token leaves the address bar."""
        if scope.get("method") != "GET" or not self._rules.is_token(token):
            return None
        rest = scope["query_string"].decode("latin-1")
        # A path of `//host` would be another site: exactly one slash begins it.
        response = RedirectResponse("/" + scope["path"].lstrip("/\\") + (f"?{rest}" if rest else ""), 303)
        secure = Headers(scope=scope).get("x-forwarded-proto", scope.get("scheme")) == "https"
        response.set_cookie(self._rules.cookie, token, httponly=True, samesite="strict", secure=secure)
        return response

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        added = self._headers_of(scope["path"])

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**COMMON_HEADERS, **added}.items():
                    if name == "Content-Security-Policy":
                        headers.append(name, value)  # beside the server's own policy: a browser enforces both
                    else:
                        headers[name] = value
            await send(message)

        return wrapped
