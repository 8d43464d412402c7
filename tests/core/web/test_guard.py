"""The guard before the web servers: what passes, and what is refused with which status."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from ml_platform.core.web.access import Access, TokenNeeded, WeakToken, check_token, is_loopback, read_token
from ml_platform.core.web.guard import Guard, Rules

TOKEN = "0123456789abcdef"
JSON = ("content-type", "application/json")
Header = tuple[str, str]


def rules(token: str | None = None, names: Sequence[str] = ()) -> Rules:
    return Rules(Access.for_port(3000, names, token))


def call(
    method: str,
    path: str,
    *headers: Header,
    token: str | None = None,
    host: str | None = "127.0.0.1:3000",
    names: Sequence[str] = (),
    query: str = "",
) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """Send one request through the guard to an app that answers 200; return status, headers and the scope."""
    lines = [("host", host), *headers] if host is not None else list(headers)
    websocket = method == "WEBSOCKET"
    scope = {
        "type": "websocket" if websocket else "http",
        "path": path,
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in lines],
    }
    if not websocket:
        scope["method"] = method
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if websocket else "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.accept"})
        await PlainTextResponse("passed")(scope, receive, send)

    asyncio.run(Guard(app, rules(token, names))(scope, receive, send))
    if websocket:
        return (200 if sent[0]["type"] == "websocket.accept" else 403), {}, scope
    answer = sent[0]
    return answer["status"], {name.decode(): value.decode() for name, value in answer["headers"]}, scope


SAME_ORIGIN = ("origin", "http://127.0.0.1:3000")
SAME = ("sec-fetch-site", "same-origin")

PASS = [
    ("GET", "/", ()),
    ("GET", "/runs", (("sec-fetch-site", "none"),)),
    ("HEAD", "/server_info", ()),
    ("POST", "/graphql", (JSON,)),
    ("POST", "/graphql", (("content-type", "application/json; charset=utf-8"), SAME_ORIGIN, SAME)),
    ("POST", "/graphql", (JSON, ("origin", "https://127.0.0.1:3000"))),  # a proxy ended the encryption
    ("WEBSOCKET", "/graphql", (SAME_ORIGIN,)),
    (
        "GET",
        "/runs/1",
        (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")),
    ),
]


@pytest.mark.parametrize(("method", "path", "headers"), PASS)
def test_what_the_ui_and_a_script_of_this_machine_send_passes(
    method: str, path: str, headers: Sequence[Header]
) -> None:
    assert call(method, path, *headers)[0] == 200


FOLLOWED = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"))
REFUSED = [
    # another site, or another port of this machine
    (403, "GET", "/", (("sec-fetch-site", "cross-site"),)),
    (403, "GET", "/", (("sec-fetch-site", "same-site"),)),
    (403, "GET", "/", (SAME, ("sec-fetch-site", "cross-site"))),
    (403, "GET", "/", (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"))),
    (403, "POST", "/graphql", (JSON, ("origin", "http://evil.example"))),
    (403, "POST", "/graphql", (JSON, ("origin", "http://127.0.0.1:3001"))),
    (403, "POST", "/graphql", (JSON, ("origin", "http://localhost:3000"))),  # not the name in Host
    (403, "POST", "/graphql", (JSON, ("origin", "null"))),
    (403, "POST", "/graphql", (JSON, ("origin", ""))),
    (403, "POST", "/graphql", (JSON, ("origin", "ws://127.0.0.1:3000"))),
    (403, "POST", "/graphql", (JSON, SAME_ORIGIN, ("origin", "http://evil.example"))),
    (
        403,
        "POST",
        "/graphql",
        (JSON, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")),
    ),
    (403, "WEBSOCKET", "/graphql", (("origin", "http://evil.example"),)),
    (403, "WEBSOCKET", "/graphql", (("origin", "http://127.0.0.1:3001"),)),
    (403, "WEBSOCKET", "/graphql", ()),
    # what changes something without a preflight
    (405, "GET", "/graphql", ()),
    (405, "GET", "//graphql/", ()),
    (405, "HEAD", "/graphql", ()),
    (405, "GET", "/GraphQL", ()),
    (405, "PUT", "/graphql", (JSON,)),
    (405, "DELETE", "/graphql", (JSON,)),
    (405, "OPTIONS", "/graphql", ()),
    (400, "GET", "/graphql\n", ()),  # Starlette routes it to /graphql: its patterns end in `$`
    (400, "GET", "/graphql/\n", (("sec-fetch-site", "cross-site"), *FOLLOWED)),
    (400, "GET", "/runs\x00", ()),
    (415, "POST", "/graphql", ()),
    (415, "POST", "/graphql", (("content-type", "text/plain; application/json"),)),
    (415, "POST", "/graphql", (("content-type", "application/x-www-form-urlencoded"),)),
    (415, "POST", "/graphql", (("content-type", "application/graphql"),)),
    (415, "POST", "/graphql", (("content-type", "text/plain"), JSON)),
    (415, "POST", "/report_asset_materialization/x", ()),
]


@pytest.mark.parametrize(("status", "method", "path", "headers"), REFUSED)
def test_what_another_site_can_send_is_refused(status: int, method: str, path: str, headers: Sequence[Header]) -> None:
    assert call(method, path, *headers)[0] == status


@pytest.mark.parametrize(
    "host",
    ["evil.example:3000", "evil.example", "127.0.0.1", "127.0.0.1:3001", "127.0.0.1.evil.example:3000", "", None],
)
def test_a_host_that_is_not_ours_is_refused(host: str | None) -> None:
    assert call("GET", "/", host=host)[0] == 403
    assert call("WEBSOCKET", "/graphql", ("origin", f"http://{host}"), host=host)[0] == 403


def test_two_host_headers_are_refused() -> None:
    assert call("GET", "/", ("host", "127.0.0.1:3000"))[0] == 403


def test_a_declared_name_is_ours_with_and_without_the_port_of_a_proxy() -> None:
    for host in ("factory.example:3000", "FACTORY.example", "localhost:3000"):
        assert call("GET", "/", host=host, names=["factory.example"])[0] == 200
    rows = ("origin", "https://factory.example")
    assert call("POST", "/graphql", JSON, rows, host="factory.example", names=["factory.example"])[0] == 200


def test_without_the_token_nothing_is_answered() -> None:
    bearer = ("authorization", f"Bearer {TOKEN}")
    assert call("GET", "/", token=TOKEN)[0] == 401
    assert call("GET", "/", ("authorization", "Bearer 0123456789abcdeX"), token=TOKEN)[0] == 401
    assert call("GET", "/", ("authorization", "Bearer"), ("cookie", "ml_platform_3000="), token=TOKEN)[0] == 401
    assert call("WEBSOCKET", "/graphql", SAME_ORIGIN, token=TOKEN)[0] == 403
    assert call("GET", "/", bearer, token=TOKEN)[0] == 200
    assert call("WEBSOCKET", "/graphql", bearer, token=TOKEN)[0] == 200
    assert call("GET", "/", ("cookie", f"ml_platform_3000={TOKEN}"), token=TOKEN)[0] == 200
    assert call("POST", "/graphql", bearer, JSON, ("origin", "http://evil.example"), token=TOKEN)[0] == 403


def test_the_token_in_the_address_is_traded_for_a_cookie_and_stays_out_of_the_log() -> None:
    status, headers, scope = call("GET", "//runs", token=TOKEN, query=f"a=1&token={TOKEN}")
    assert (status, headers["location"]) == (303, "/runs?a=1")
    assert headers["set-cookie"].startswith(f"ml_platform_3000={TOKEN}; HttpOnly; ")
    assert "samesite=strict" in headers["set-cookie"].lower()
    assert scope["query_string"] == b"a=1"  # what the server writes into its log
    assert call("GET", "/", token=TOKEN, query="token=0123456789abcdeX")[0] == 401
    assert call("GET", "/", token=TOKEN, query="token=0123456789abcdeX")[2]["query_string"] == b""


@pytest.mark.parametrize(
    ("status", "method", "headers", "host"),
    [
        (303, "GET", (("cookie", f"ml_platform_3000={TOKEN}"),), "127.0.0.1:3000"),  # the address was opened again
        (303, "GET", (("authorization", f"Bearer {TOKEN}"),), "127.0.0.1:3000"),
        (403, "GET", (), "evil.example"),
        (403, "GET", (("sec-fetch-site", "cross-site"),), "127.0.0.1:3000"),
        (401, "POST", (JSON,), "127.0.0.1:3000"),
        (403, "WEBSOCKET", (), "127.0.0.1:3000"),
        (403, "WEBSOCKET", (SAME_ORIGIN,), "evil.example"),
    ],
)
def test_no_request_brings_the_token_of_its_address_into_the_log(
    status: int, method: str, headers: Sequence[Header], host: str
) -> None:
    outcome, _, scope = call(method, "/runs", *headers, token=TOKEN, host=host, query=f"a=1&%74oken={TOKEN}")
    assert outcome == status
    assert scope["query_string"] == b"a=1"


def test_a_query_stays_as_it_is_where_no_token_is_asked_for() -> None:
    query = "token=1&path=a%20b"
    assert call("GET", "/get-artifact", query=query)[2]["query_string"] == query.encode()


def test_each_answer_forbids_frames_remote_pictures_and_guessed_types() -> None:
    for headers in (call("GET", "/")[1], call("GET", "/", host="evil.example")[1]):
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "img-src 'self' data: blob:" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("token", ["", "0123456789abcde", "0123456789 abcdef", "0123456789;abcdef", "0123456789äbcdef"])
def test_a_token_that_is_short_or_that_no_cookie_carries_is_refused(token: str) -> None:
    with pytest.raises(WeakToken):
        check_token(token, "the token")
    with pytest.raises(WeakToken):
        Access(frozenset({"127.0.0.1:3000"}), token)


def test_a_token_file_must_be_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o640)
    with pytest.raises(WeakToken, match="chmod 600"):
        read_token(file)
    file.chmod(0o600)
    assert read_token(file) == TOKEN
    with pytest.raises(WeakToken, match="cannot be read"):
        read_token(tmp_path / "none")
    assert read_token(None, {"ML_PLATFORM_TOKEN": TOKEN}) == TOKEN
    assert read_token(None, {"ML_PLATFORM_TOKEN": ""}) is None


def test_only_loopback_is_reached_from_this_machine_alone() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.5", "factory.example", ""]))
    assert "--token-file" in str(TokenNeeded("0.0.0.0"))
