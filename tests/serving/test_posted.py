"""Rows that are posted over HTTP: checked as a whole, on the disk when they are acknowledged, each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.suppression_list import key_hash, suppress
from ml_platform.storage.posted_rows import PostedRows, posted_rows
from tests.serving.served import Server, serve
from tests.serving.world import NOW, ServedWorld, served_world

VISIT = {
    "id": 1,
    "customer": 7,
    "visited_at": "2024-05-01T21:59:58+02:00",
    "page": "/ä",
    "seconds": 2,
    "logged_in": True,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch, ["by_rows"])


@pytest.fixture(scope="module")
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world)


def kept(world: ServedWorld) -> list[dict[str, Any]]:
    rows = posted_rows(world.project.state, "visits")
    return [dict(row.values) for batch in rows.read() for row in batch]


def test_an_event_is_kept_as_it_was_sent_with_its_time_in_utc(world: ServedWorld, server: Server) -> None:
    answer = server.post("/events/visits", VISIT)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"accepted": 1, "known_before": 0, "received_at": "2024-05-01T20:00:00.000000Z"}
    assert kept(world)[-1] == {**VISIT, "visited_at": "2024-05-01T19:59:58.000000Z", "seconds": 2.0}
    second_answer = server.post("/events/visits", VISIT).json()
    assert (second_answer["accepted"], second_answer["known_before"]) == (0, 1)
    rows = [{"id": number, "customer": 8, "visited_at": "2024-05-01T19:00:00Z"} for number in (1, 2, 3)]
    assert server.post("/labels/visits", {"rows": rows}).json()["accepted"] == 3
    assert kept(world)[-1] == {**rows[2], "visited_at": "2024-05-01T19:00:00.000000Z", "page": None, "seconds": None,
                               "logged_in": None}  # fmt: skip


def test_the_next_ingest_has_what_was_posted(world: ServedWorld, server: Server) -> None:
    server.post("/events/visits", {**VISIT, "id": 100})
    made = ingest_source(world.project, "visits", NOW).made.artifact
    latest = {row["id"]: row for row in kept(world)}
    assert made.about["rows"] == len(latest)  # two rows of a key at the same moment: the one that came last


@pytest.mark.parametrize(
    ("change", "status", "code", "words"),
    [
        ({"customer": None}, 422, "missing_column", "column customer is missing or null"),
        ({"id": "1"}, 422, "wrong_column", "column id must be int, found \"1\""),
        ({"id": 2**63}, 422, "wrong_column", "column id must be int"),
        ({"id": True}, 422, "wrong_column", "column id must be int, found true"),
        ({"visited_at": "2024-05-01T10:00:00"}, 422, "wrong_column", "a time with its zone"),
        ({"visited_at": 1714557600}, 422, "wrong_column", "a time with its zone"),
        ({"seconds": "2"}, 422, "wrong_column", "column seconds must be float"),
        ({"page": "\ud800"}, 422, "wrong_column", "column page must be string"),
        ({"logged_in": 1}, 422, "wrong_column", "column logged_in must be bool"),
        ({"received_at": "2024-05-01T10:00:00Z"}, 422, "unknown_column", "visits has no column 'received_at'"),
        ({"colour": "red"}, 422, "unknown_column", "visits has no column 'colour'"),
    ],
)  # fmt: skip
def test_one_wrong_row_refuses_the_whole_request(
    world: ServedWorld, server: Server, change: dict[str, Any], status: int, code: str, words: str
) -> None:
    before = kept(world)
    wrong = {**VISIT, "id": 500, **change}
    answer = server.post("/events/visits", {"rows": [{**VISIT, "id": 501}, wrong]})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"].startswith("row 1: ")
    assert words in answer.json()["error"]["message"]
    assert kept(world) == before


def test_a_source_that_takes_no_rows_is_named(server: Server) -> None:
    answer = server.post("/events/orders", VISIT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_source")
    assert answer.json()["error"]["message"] == "no source of this name takes rows. There is: visits."


def test_rows_that_cannot_be_written_are_not_acknowledged(
    world: ServedWorld, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(PostedRows, "add", full)
        answer = server.post("/events/visits", {**VISIT, "id": 900})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert 900 not in {row["id"] for row in kept(world)}
    assert server.post("/events/visits", {**VISIT, "id": 900}).json()["accepted"] == 1


def test_senders_that_repeat_at_once_write_each_row_once(world: ServedWorld, server: Server) -> None:
    rows = [{**VISIT, "id": 10_000 + number} for number in range(20)]
    accepted: list[int] = []

    def send() -> None:
        accepted.extend(server.post("/events/visits", row).json()["accepted"] for row in rows)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted) == len(rows)
    assert len([row for row in kept(world) if row["id"] >= 10_000]) == len(rows)


def test_events_need_a_separate_scope(world: ServedWorld) -> None:
    tokens = {"ML_PLATFORM_PREDICT_TOKEN": "p" * 20, "ML_PLATFORM_EVENTS_TOKEN": "e" * 20}
    for server in serve(world, tokens):
        sent = [server.post("/events/visits", VISIT, Authorization=f"Bearer {token * 20}") for token in "pex"]
        assert [answer.status_code for answer in sent] == [403, 200, 401]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"visited_at": "0001-01-01T00:00:00+14:00"}, "a time with its zone"),
        ({"visited_at": "9999-12-31T23:59:59-14:00"}, "a time with its zone"),
        ({"seconds": 10**400}, "column seconds must be float"),
    ],
)
def test_a_value_that_does_not_exist_is_refused_and_is_no_fault_of_the_service(
    server: Server, change: dict[str, Any], words: str
) -> None:
    answer = server.post("/events/visits", {**VISIT, "id": 600, **change})
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["error"]["message"]


def test_a_time_in_the_first_thousand_years_is_ingested(world: ServedWorld, server: Server) -> None:
    server.post("/events/visits", {**VISIT, "id": 699})
    before = ingest_source(world.project, "visits", NOW).made.artifact.about["rows"]
    first = {**VISIT, "id": 700, "visited_at": "0007-01-01T00:00:00Z"}
    assert server.post("/events/visits", first).status_code == 200
    assert ingest_source(world.project, "visits", NOW).made.artifact.about["rows"] == before + 1


def test_rows_of_an_entity_that_was_erased_are_not_kept_and_counted(world: ServedWorld, server: Server) -> None:
    hash = key_hash(world.project.database, "customer", ["4711"])
    with world.project.database.writing() as connection:
        suppress(connection, "customer", hash, NOW)
    rows = [{**VISIT, "id": 800 + number, "customer": customer} for number, customer in enumerate((4711, 8, 47110))]
    answer = server.post("/events/visits", {"rows": rows}).json()
    assert (answer["accepted"], answer["erased"], answer["known_before"]) == (2, 1, 0)
    assert {row["customer"] for row in kept(world) if row["id"] >= 800 and row["id"] < 803} == {8, 47110}
    assert server.post("/events/visits", rows[0]).json()["erased"] == 1
