"""The service over HTTP: every request gets a clear answer, and whatever is wrong changes nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from ml_platform.audit.explain import explain
from ml_platform.serving.service import Service
from ml_platform.storage.frame_log import FrameLog
from tests.serving.served import ROW, Server, serve
from tests.serving.world import NOW, ServedWorld, rows_logged


def test_one_row_and_many_get_the_same_scores(server: Server) -> None:
    one = server.post("/models/by_rows/predict", ROW)
    many = server.post("/models/by_rows/predict", {"rows": [ROW] * 40})
    assert (one.status_code, many.status_code) == (200, 200)
    assert {item["score"] for item in many.json()["predictions"]} == {one.json()["score"]}
    assert len({item["prediction_id"] for item in many.json()["predictions"]}) == 40


NESTED = b'{"a":' * 100_000
HOSTILE = {
    "no body": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "a text": b'"a"',
    "null": b"null",
    "invalid UTF-8": b'{"id": "\xff"}',
    "UTF-16": '{"id": "a"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"id": "q1", "items": NaN}',
    "Infinity": b'{"id": "q1", "items": -Infinity}',
    "a huge float": b'{"id": "q1", "items": 1e999}',
    "a huge integer": b'{"id": "q1", "items": ' + b"9" * 5000 + b"}",
    "a key twice": b'{"id": "q1", "id": "q2", "items": 1}',
    "a key twice within a row": b'{"rows": [{"id": "q1", "id": "q2"}]}',
    "deep nesting": NESTED[:19_000],
    "deep lists": b"[" * 19_000,
    "an object for a value": b'{"id": {}}',
    "a list for a value": b'{"id": ["q1"]}',
    "an empty key": b'{"": 1}',
    "an unknown key": b'{"id": "q1", "__proto__": 1}',
    "rows of nothing": b'{"rows": []}',
    "rows that are none": b'{"rows": [1]}',
    "rows that are no list": b'{"rows": {"id": "q1"}}',
    "rows and more": b'{"rows": [], "id": "q1"}',
    "a lone surrogate": b'{"id": "\\ud800", "shop": "a"}',
    "trailing text": b"{} {}",
    "a comment": b"{/* */}",
    "a zero byte": b'{"id": "q1\x00"}',
    "a million keys": b"{%s}" % b",".join(b'"%d":1' % number for number in range(10**6)),
}


@pytest.mark.parametrize("path", ["/models/by_rows/predict", "/models/by_rows/invocations", "/v2/models/by_rows/infer"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_gets_a_clear_refusal(world: ServedWorld, server: Server, name: str, path: str) -> None:
    answer = server.post(path, HOSTILE[name])
    assert 400 <= answer.status_code < 500
    problem = answer.json()["error"]
    assert problem["message"].endswith(".")
    assert len(problem["message"]) < 500
    assert problem["code"]


def test_hostile_bodies_are_not_logged_and_the_service_goes_on(world: ServedWorld, server: Server) -> None:
    before = rows_logged(world)
    for body in HOSTILE.values():
        server.post("/models/by_rows/predict", body)
    assert rows_logged(world) == before
    assert server.post("/models/by_rows/predict", ROW).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("/models/nobody/predict", ROW, {}, 404, "unknown_model"),
        ("/nothing", ROW, {}, 404, "unknown_path"),
        ("/models/by_rows/nothing", ROW, {}, 404, "unknown_path"),
        ("/models//predict", ROW, {}, 404, "unknown_path"),
        ("/metrics", ROW, {}, 405, "wrong_method"),
        ("/models/by_rows/predict", ROW, {"Content-Type": "text/plain"}, 415, "wrong_type"),
        ("/models/by_rows/predict", ROW, {"Content-Type": "application/x-www-form-urlencoded"}, 415, "wrong_type"),
        ("/models/by_rows/predict", ROW, {"Origin": "https://evil.example"}, 403, "other_origin"),
        ("/models/by_rows/predict", ROW, {"Origin": "null"}, 403, "other_origin"),
        ("/models/by_rows/predict", ROW, {"Sec-Fetch-Site": "cross-site"}, 403, "other_site"),
        ("/models/by_rows/predict", ROW, {"Host": "evil.example"}, 403, "unknown_host"),
        ("/models/by_rows/predict", {"rows": [ROW] * 41}, {}, 413, "too_many_rows"),
        ("/models/by_rows/predict", {"id": "a" * 20_001}, {}, 413, "body_too_large"),
    ],
)
def test_a_request_that_cannot_be_answered_gets_the_reason(
    server: Server, path: str, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    answer = server.post(path, body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_body_without_a_length_is_counted_while_it_comes(server: Server) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    answer = requests.post(
        server.url + "/models/by_rows/predict", parts(), headers={"Content-Type": "application/json"}, timeout=20
    )
    assert answer.status_code == 413
    small = requests.post(
        server.url + "/models/by_ticks/predict",
        iter([b'{"sho', b'p": "a"}']),
        headers={"Content-Type": "application/json"},
        timeout=20,
    )
    assert small.status_code == 200


def test_a_body_that_does_not_come_ends_the_wait(server: Server) -> None:
    import socket

    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        head = f"POST /models/by_rows/predict HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        sock.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b"408" in sock.recv(1000).split(b"\r\n")[0]


def test_what_serves_and_how_it_does_can_be_asked(server: Server) -> None:
    models = {item["model"]: item for item in server.get("/models").json()["models"]}
    assert models["by_rows"]["key"] == {"id": "string"}
    assert server.get("/models/by_rows").json() == models["by_rows"]
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/readyz").json() == {"status": "ready", "waiting": {}}
    figures = server.get("/metrics").text
    assert f'ml_platform_serving_version{{model="by_rows"}} {models["by_rows"]["version"]}.0' in figures
    assert 'ml_platform_answers_total{route="predict",status="200"}' in figures
    served = f'ml_platform_serving_workers{{model="by_rows",version="{models["by_rows"]["version"]}"}} 1.0'
    assert served in figures
    ages = dict(re.findall(r'^ml_platform_feature_age_seconds{table="(\w+)"} ([\d.e+]+)$', figures, re.MULTILINE))
    tick = server.post("/models/by_ticks/features", {"shop": "a"}).json()["tables"]["shop_recent"]["tick"]
    assert float(ages["shop_recent"]) == (NOW - datetime.fromisoformat(tick)).total_seconds()


def test_a_token_opens_what_its_scope_allows(world: ServedWorld) -> None:
    tokens = {"ML_PLATFORM_PREDICT_TOKEN": "p" * 20, "ML_PLATFORM_ADMIN_TOKEN": "a" * 20}
    for server in serve(world, tokens):

        def status(path: str, token: str | None, server: Server = server) -> int:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            return (server.post(path, ROW, **headers) if "predict" in path else server.get(path, **headers)).status_code

        assert [status("/models/by_rows/predict", token) for token in (None, "x" * 20, "", "p" * 20, "a" * 20)] == [
            401, 401, 401, 200, 200,
        ]  # fmt: skip
        assert [status("/metrics", token) for token in (None, "p" * 20, "a" * 20)] == [401, 403, 200]
        assert status("/healthz", None) == 200


def test_a_full_disk_gives_no_prediction_and_the_next_request_is_answered(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(FrameLog, "append", full)
        answer = server.post("/models/by_rows/predict", ROW)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "No space left on device" in answer.json()["error"]["message"]
    assert server.post("/models/by_rows/predict", ROW).status_code == 200


def test_an_unforeseen_error_is_not_shown_to_the_client(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("an inner thing")

    with monkeypatch.context() as patch:
        patch.setattr(Service, "answer_each", fails)
        answer = server.post("/models/by_rows/predict", ROW)
    assert answer.status_code == 500
    assert "inner" not in answer.text
    id = answer.json()["error"]["message"].split()[-1].rstrip(".")
    line = next(json.loads(line) for line in capfd.readouterr().err.splitlines() if id in line)
    assert "RuntimeError: an inner thing" in line["error"]


def test_a_new_champion_takes_over_while_requests_are_answered(world: ServedWorld, server: Server) -> None:
    before = server.post("/models/yes/predict", ROW).json()["version"]
    world.deploy("yes", seed=7)
    until = time.monotonic() + 60
    versions: list[int] = []
    while time.monotonic() < until and (not versions or versions[-1] == before):
        answer = server.post("/models/yes/predict", ROW)
        assert answer.status_code == 200
        versions.append(answer.json()["version"])
    assert versions[-1] == before + 1
    assert versions == sorted(versions)


def test_a_champion_that_cannot_be_loaded_leaves_the_one_before_serving_and_alerts(
    world: ServedWorld, server: Server
) -> None:
    from ml_platform.operations.alerts import recent_alerts

    before = server.post("/models/kind/predict", {"shop": "a"}).json()["version"]
    version = world.deploy("kind", seed=8)
    stored = world.project.store.get("trained_model", version.id).objects["predictor/trees.txt"]
    # the next champion is damaged before it is deployed again, so that the worker must read the damage
    world.deploy("kind", seed=0)
    path = world.project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    time.sleep(1)
    path.write_bytes(path.read_bytes()[:-20])
    from tests.operations.monitoring.hand_made_world import appoint

    appoint(world.project, "kind", world.project.store.get("trained_model", version.id), NOW)
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(
        "kind: the champion" in item["title"] for item in recent_alerts(world.project)
    ):
        time.sleep(0.05)
    assert any("kind: the champion cannot be served" in item["title"] for item in recent_alerts(world.project))
    assert server.post("/models/kind/predict", {"shop": "a"}).json()["version"] == before


def test_a_person_can_try_a_model_in_a_browser(server: Server) -> None:
    for path in ("/", "/models/by_rows/try"):
        page = server.get(path)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "<script>" not in page.text
    for name in ("try.js", "try.css"):
        assert f"/static/{name}" in page.text
        assert server.get(f"/static/{name}").status_code == 200
    assert server.get("/static/../service.py").status_code == 404
    assert server.get("/static/service.py").json()["error"]["code"] == "unknown_path"


def test_an_answer_of_a_moment_ago_is_explained_here_and_at_the_terminal(world: ServedWorld, server: Server) -> None:
    here, there = (server.post("/models/by_ticks/predict", {"shop": "a"}).json() for _ in range(2))
    artifact = server.get(f"/predictions/{here['prediction_id']}").json()
    assert artifact["answer"]["scores"]["score"] == here["score"]
    assert artifact["holds"]
    assert artifact["asked_by"] == "the request"
    assert all(item["agrees"] for item in artifact["inputs"])
    at_terminal = explain(world.project, there["prediction_id"], NOW)
    assert (at_terminal.holds, at_terminal.version.number) == (True, there["version"])
    missing = server.get(f"/predictions/by_ticks.{NOW:%Y%m%d}.{'0' * 16}")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "unknown_prediction")
