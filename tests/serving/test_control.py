"""Held-out rows and reported actions at the service: what it answers, what it logs, and what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_platform.audit.explain import explain
from ml_platform.models.control import is_control
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.parity.requests import compare_requests
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.operations.predictions.taken_actions import TAKEN, with_taken
from ml_platform.serving.service import Service
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests.features.world import at
from tests.serving.served import serve
from tests.serving.world import MODELS, NOW, YES, ServedWorld, served_world

SHARE = 0.4
VALUE = {
    "actions": {"offer": "label * items - 1", "wait": "items * 0.125"},
    "do_nothing": "wait",
    "control": {"share": SHARE, "earned": {"offer": "label * items - 1", "wait": "label * items"}},
    "taken": "calls",
}
CALLS = """\
reader: {streaming: true}
key: [prediction_id]
event_timestamp: received_at
columns:
  prediction_id: string
  action: {type: string, required: true}
"""
ROW: dict[str, Any] = {"shop": "a", "customer": 1, "items": 2, "gift": True}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    monkeypatch.setitem(MODELS, "yes", {**YES, "value": VALUE})
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/calls.yaml").write_text(CALLS)
    return served_world(tmp_path, monkeypatch, ["yes"])


def answered(service: Service, count: int) -> list[dict[str, Any]]:
    served = service.model("yes")
    rows = [{**ROW, "id": f"q{number}", "items": number % 5} for number in range(count)]
    return [dict(body) for body in service.record(service.answer(served, rows))]


def test_held_out_entities_do_nothing_in_answer_and_log(world: ServedWorld) -> None:
    service = Service(world.project)
    bodies = answered(service, 60)
    service.close()
    compact_online_log(world.project, NOW)
    log = read_predictions(world.project, "yes", at(0), at(100)).set_index("prediction_id")
    log = log.loc[[body["prediction_id"] for body in bodies]]
    predictor = load_predictor(world.project, world.project.store.get("trained_model", log["trained_model"].iloc[0]))
    predicted, values = predictor.predict_actions(log)
    assert set(predicted["action"]) == {"offer", "wait"}
    for number, body in enumerate(bodies):
        held = is_control("yes", [f"q{number}"], SHARE)
        row, best = log.iloc[number], predicted["action"].iloc[number]
        assert body["control"] == row["control"] == held
        assert body["action"] == row["action"] == ("wait" if held else best)
        wanted = values["wait"].iloc[number] if held else predicted["expected_value"].iloc[number]
        assert body["expected_value"] == row["expected_value"] == wanted
        assert row["best_action"] == best
        assert row["propensity"] == (SHARE if held else 1 - SHARE)
    assert log["control"].nunique() == 2


def test_a_held_out_row_is_explained_and_agrees_bit_by_bit(world: ServedWorld) -> None:
    service = Service(world.project)
    bodies = answered(service, 30)
    service.close()
    compact_online_log(world.project, NOW)
    held = next(body for body in bodies if body["control"])
    explanation = explain(world.project, held["prediction_id"], NOW)
    assert explanation.rescored.agrees
    assert "held out at random" in explanation.answer.taken
    assert explanation.answer.action == "wait"
    parity = compare_requests(world.project, "yes", [NOW.date()], 100)
    assert parity.compared.rows == 30
    assert not parity.compared.differences


def test_actions_are_posted_with_or_without_a_time_and_joined_with_predictions(world: ServedWorld) -> None:
    service = Service(world.project)
    bodies = answered(service, 3)
    service.close()
    compact_online_log(world.project, NOW)
    for server in serve(world):
        reports = [
            {"prediction_id": body["prediction_id"], "action": action}
            for body, action in zip(bodies, ["offer", "wait"], strict=False)
        ]
        assert server.post("/actions/calls", {"rows": reports}).json()["accepted"] == 2
        assert server.post("/actions/calls", {"action": "offer"}).json()["error"]["code"] == "missing_column"
        assert "/actions/calls" in server.get("/openapi.json").json()["paths"]
    made = ingest_source(world.project, "calls", NOW).made.artifact
    record_output(world.project.database, "sources/calls", "source", made.id, run="test", at=NOW)
    log = read_predictions(world.project, "yes", at(0), at(100)).set_index("prediction_id", drop=False)
    taken = with_taken(world.project, "yes", log, NOW).loc[[body["prediction_id"] for body in bodies], TAKEN]
    assert taken.tolist() == ["offer", "wait", None]
