"""Features over HTTP: of a prediction, and of a table without a model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.served import Server
from tests.serving.world import ServedWorld, rows_logged


def test_the_features_of_a_prediction_can_be_asked_without_predicting(world: ServedWorld, server: Server) -> None:
    before = rows_logged(world)
    answer = server.post("/models/by_ticks/features", {"shop": "a"}).json()
    assert answer["values"]["shop_recent.sales_6h"] >= 0
    assert answer["tables"]["shop_recent"]["tick"] == "2024-05-01T19:00:00.000000Z"
    assert rows_logged(world) == before


@pytest.mark.parametrize("shop", ["a", "unseen"])
def test_the_features_of_a_table_can_be_asked_without_a_model(server: Server, shop: str) -> None:
    answer = server.post("/features/shop_recent", {"shop": shop}).json()
    used = server.post("/models/by_ticks/features", {"shop": shop}).json()
    assert {
        name: answer["values"][name.partition(".")[2]] for name in used["values"] if name.startswith("shop_recent.")
    } == {name: value for name, value in used["values"].items() if name.startswith("shop_recent.")}
    assert {name: answer[name] for name in ("tick", "age_seconds", "late", "history")} == used["tables"]["shop_recent"]


@pytest.mark.parametrize(
    ("table", "row", "status"),
    [
        ("nothing", {"shop": "a"}, 404),
        ("shop_recent", {}, 422),
        ("shop_recent", {"shop": None}, 422),
        ("shop_recent", {"shop": 1}, 422),
        ("shop_recent", {"shop": "\ud800"}, 422),
        ("shop_recent", {"shop": "a", "more": 1}, 422),
        ("customer_profile", {"customer": 2**63}, 422),
        ("customer_profile", {"customer": True}, 422),
        ("customer_profile", {"customer": 1.0}, 422),
    ],
)
def test_a_key_that_no_table_can_have_is_refused(server: Server, table: str, row: dict[str, Any], status: int) -> None:
    assert server.post(f"/features/{table}", row).status_code == status
