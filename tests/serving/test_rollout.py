"""Versions that are rolled out: who gets whose answer, what is logged beside it, and that nothing of it can fail."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.models.predictor import load_predictor
from ml_platform.operations.alerts import recent_alerts
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.operations.rollout.counts import read_counts
from ml_platform.project import open_project
from ml_platform.registry.rollback import roll_back
from ml_platform.registry.rollout import enter_next_stage, rollout_of
from ml_platform.serving.candidate import entity_place
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.served_model import ServedModel
from ml_platform.serving.service import Service
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.versions import Version
from tests.features.world import at
from tests.serving.world import NOW, ServedWorld, served_world

SHADOW, CANARY = {"shadow": "1d"}, {"canary": 0.3, "for": "2d"}
ROWS: list[dict[str, Any]] = [
    {"id": f"q{number}", "shop": "a", "customer": 1, "items": number % 9, "gift": True} for number in range(200)
]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    return served_world(tmp_path, monkeypatch, ["yes"])


def answers(service: Service, rows: list[dict[str, Any]] = ROWS) -> list[dict[str, Any]]:
    """Return the answers, as a worker gives them, and let the other version predict after that."""
    answered = [dict(service.record(service.answer(service.model("yes"), [row]))[0]) for row in rows]
    while service.predict_beside():
        pass
    return answered


def log_of(world: ServedWorld) -> pd.DataFrame:
    compact_online_log(world.project, NOW)
    return read_predictions(world.project, "yes", at(0), at(100)).set_index("prediction_id")


def scores_of(world: ServedWorld, version: Version, log: pd.DataFrame) -> list[float]:
    """Return what a version says of logged rows, by the form for many rows."""
    predictor = load_predictor(world.project, world.project.store.get("trained_model", version.id))
    types: dict[str, Any] = {"int": "Int64", "float": "float64", "bool": "boolean", "string": object}
    frame = pd.DataFrame(
        {item.name: log[item.name].astype(types.get(item.type, "datetime64[us, UTC]")) for item in predictor.inputs}
    )
    return [float(score) for score in predictor.predict(frame)["score"]]


def test_in_shadow_the_champion_answers_and_the_candidate_predicts_the_same_row(world: ServedWorld) -> None:
    champion = Service(world.project).model("yes").version
    candidate = world.roll_out("yes", 5, SHADOW)
    service = Service(world.project)
    answered = answers(service)
    service.close()
    assert {answer["version"] for answer in answered} == {champion.number}
    log = log_of(world).loc[[answer["prediction_id"] for answer in answered]]
    assert len(log_of(world)) == len(ROWS)  # nothing that was given to nobody is a prediction
    assert set(log["version"]) == {champion.number}
    assert set(log["shadow_version"]) == {candidate.number}
    assert [score.hex() for score in log["score"]] == [score.hex() for score in scores_of(world, champion, log)]
    assert [score.hex() for score in log["shadow_score"]] == [score.hex() for score in scores_of(world, candidate, log)]
    assert set(log["shadow_action"]) <= {"offer", "wait"}


def test_a_canary_answers_for_its_share_of_the_entities_and_always_the_same_ones(world: ServedWorld) -> None:
    candidate = world.roll_out("yes", 5, CANARY)
    first, second = Service(world.project), Service(open_project(world.project.root))  # two workers
    answered = answers(first)
    chosen = {row["id"] for row in ROWS if entity_place("yes", (row["id"],)) < 0.3}
    got = {row["id"] for row, answer in zip(ROWS, answered, strict=True) if answer["version"] == candidate.number}
    assert got == chosen
    assert 0.2 < len(chosen) / len(ROWS) < 0.4
    second_answers = answers(second, [{**row, "items": 1} for row in ROWS])
    assert [answer["version"] for answer in second_answers] == [answer["version"] for answer in answered]
    first.close()
    second.close()
    log = log_of(world).loc[[answer["prediction_id"] for answer in answered]]
    assert ((log["version"] == candidate.number) != (log["shadow_version"] == candidate.number)).all()
    assert log["shadow_score"].notna().all()


def test_places_of_entities_are_even_and_another_model_has_others() -> None:
    places = [entity_place("yes", (f"q{number}",)) for number in range(10_000)]
    tenths = Counter(int(place * 10) for place in places)
    assert all(850 < tenths[tenth] < 1150 for tenth in range(10))
    other = [entity_place("no", (f"q{number}",)) for number in range(10_000)]
    both = sum(place < 0.1 and beside < 0.1 for place, beside in zip(places, other, strict=True))
    assert 60 < both < 140  # independent: a hundredth


def test_a_candidate_that_fails_costs_no_request_and_is_counted(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = world.roll_out("yes", 5, CANARY)
    service = Service(world.project)
    whole, as_candidate = ServedModel.answer, ServedModel.predict_as_candidate

    def breaks(self: ServedModel, *arguments: Any) -> Any:
        if self.version.id == candidate.id:
            raise RuntimeError("planted")
        return whole(self, *arguments)

    def always_breaks(self: ServedModel, *arguments: Any) -> Any:
        if self.version.id == candidate.id:
            raise RuntimeError("planted")
        return as_candidate(self, *arguments)

    monkeypatch.setattr(ServedModel, "answer", breaks)
    monkeypatch.setattr(ServedModel, "predict_as_candidate", always_breaks)
    answered = answers(service)
    assert {answer["version"] for answer in answered} == {service.model("yes").version.number}
    with pytest.raises(RequestProblem):
        service.answer(service.model("yes"), [{"id": "q1", "nothing": 1}])  # the fault of who asks
    stage = rollout_of(world.project, "yes")
    assert stage is not None
    service.close()
    figures = read_counts(world.project, "yes", stage.entered.seq)
    assert (figures[candidate.number].rows, figures[candidate.number].errors) == (len(ROWS), len(ROWS))
    assert len(log_of(world)) == len(ROWS)


def test_what_both_versions_took_is_counted_by_stage(world: ServedWorld) -> None:
    candidate = world.roll_out("yes", 5, SHADOW, CANARY)
    service = Service(world.project)
    answers(service)
    service._write_counts()
    rollout = rollout_of(world.project, "yes")
    assert rollout is not None
    enter_next_stage(world.project, rollout, "a test says so", "test", NOW)
    assert [followed.model for followed in service.look()] == ["yes"]
    answers(service, ROWS[:50])
    service.close()
    entered = rollout_of(world.project, "yes")
    assert entered is not None
    for stage, rows in ((rollout.entered.seq, 200), (entered.entered.seq, 50)):
        figures = read_counts(world.project, "yes", stage)
        assert {version: (item.rows, item.errors) for version, item in figures.items()} == {
            candidate.number - 1: (rows, 0),
            candidate.number: (rows, 0),
        }
        assert all((item.latency() or 0) > 0 for item in figures.values())


def test_a_rollback_ends_the_rollout_in_a_worker_and_a_restart_has_the_stage_of_before(world: ServedWorld) -> None:
    world.roll_out("yes", 5, CANARY)
    service = Service(world.project)
    champion = service.model("yes").version
    assert service.facts[0]["rollout"]["share"] == 0.3
    restarted = Service(open_project(world.project.root))
    assert restarted.facts == service.facts
    line = roll_back(world.project, "yes", actor="ada", reason="It offers to everybody.", now=NOW)
    assert (line.action, line.reason) == ("end rollout", "It offers to everybody.")
    service.look()
    assert {answer["version"] for answer in answers(service)} == {champion.number}
    assert service.facts[0]["rollout"] is None
    assert rollout_of(world.project, "yes") is None
    service.close()
    restarted.close()


def test_a_candidate_that_cannot_be_loaded_ends_its_rollout_and_the_champion_serves_on(world: ServedWorld) -> None:
    service = Service(world.project)
    champion = service.model("yes").version
    candidate = world.roll_out("yes", 5, CANARY)
    stored = world.project.store.get("trained_model", candidate.id).objects["predictor/trees.txt"]
    path = world.project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.write_bytes(path.read_bytes()[:-20])
    service.look()
    assert {answer["version"] for answer in answers(service)} == {champion.number}
    line = ledger_lines(world.project.database, "rollout/yes")[-1]
    assert line.action == "end rollout"
    assert "cannot be served" in line.reason
    assert "the rollout of version 2 was ended" in recent_alerts(world.project)[0]["title"]
    service.close()


def test_a_candidate_becomes_champion_without_being_reloaded(world: ServedWorld) -> None:
    candidate = world.roll_out("yes", 5, CANARY)
    service = Service(world.project)
    held = service.followed.models["yes"].candidate
    assert held is not None
    from tests.operations.monitoring.hand_made_world import appoint

    appoint(world.project, "yes", world.project.store.get("trained_model", candidate.id), NOW)
    service.look()
    assert service.model("yes") is held.served
    assert service.followed.models["yes"].candidate is None
    assert {answer["version"] for answer in answers(service)} == {candidate.number}
    service.close()
