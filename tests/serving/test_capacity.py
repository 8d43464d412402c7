"""An action that is limited each day, at the service: who gets it, what is logged, and how places are shared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.audit.explain import explain
from ml_platform.models.capacity import BEST_ACTION, CAPACITY_GAIN
from ml_platform.models.decision import Decision
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.online.capacities import capacities_of
from ml_platform.operations.online.publish import publish_online
from ml_platform.operations.parity.outputs import as_recommended, many_rows
from ml_platform.operations.parity.requests import compare_requests
from ml_platform.operations.predictions.capacity_use import capacity_use
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.operations.predictions.recommend import recommended
from ml_platform.operations.predictions.rows import Answers
from ml_platform.project import open_project
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.service import Service
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.versions import Version
from tests.features.world import at
from tests.serving.served import serve
from tests.serving.world import MODELS, NOW, YES, ServedWorld, served_world

MOST = 6
VALUE = {
    "actions": {"offer": "label * items - 1", "wait": "items * 0.125"},
    "do_nothing": "wait",
    "capacity": {"offer": f"{MOST} per day UTC"},
}
ROW: dict[str, Any] = {"shop": "a", "customer": 1, "items": 2, "gift": True}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    monkeypatch.setitem(MODELS, "yes", {**YES, "value": VALUE})
    return served_world(tmp_path, monkeypatch, ["yes"])


def rows_of(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{**ROW, "id": f"q{first + number}", "items": 1 + number % 7} for number in range(count)]


def answered(service: Service, rows: Sequence[dict[str, Any]], together: int) -> list[dict[str, Any]]:
    served, bodies = service.model("yes"), []
    for start in range(0, len(rows), together):
        bodies += service.record(service.answer(served, rows[start : start + together]))
    return [dict(body) for body in bodies]


def logged(world: ServedWorld, bodies: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows of the log with these predictions, and with what the predictor expects of each action."""
    compact_online_log(world.project, NOW)
    log = read_predictions(world.project, "yes", at(0), at(100)).set_index("prediction_id", drop=False)
    log = log.loc[[body["prediction_id"] for body in bodies]]
    predictor = load_predictor(world.project, world.project.store.get("trained_model", log["trained_model"].iloc[0]))
    predicted, values = predictor.predict_actions(log)
    return log.assign(best=predicted["action"], offer=values["offer"], wait=values["wait"])


def by_loop(gains: Sequence[float], together: int, past: Sequence[tuple[float, timedelta]], days: int) -> list[bool]:
    """Return who gets the action: row by row, the best of those that come together first."""
    recommended_rows, time = [False] * len(gains), timedelta(hours=NOW.hour, minutes=NOW.minute)
    for start in range(0, len(gains), together):
        here = [place for place in range(start, min(start + together, len(gains))) if gains[place] > 0]
        used = sum(recommended_rows)
        for number, place in enumerate(sorted(here, key=lambda place: -gains[place]), start=1):
            later = [gain for gain, when in past if when > time and gain > gains[place]]
            recommended_rows[place] = number + len(later) / days <= MOST - used
    return recommended_rows


@pytest.mark.parametrize("together", [1, 4, 16])
def test_the_best_of_simultaneous_requests_get_it_while_there_are_places(world: ServedWorld, together: int) -> None:
    service = Service(world.project)
    bodies = answered(service, rows_of(40), together)
    service.close()
    log = logged(world, bodies)
    gains = (log["offer"] - log["wait"]).tolist()
    granted = by_loop(gains, together, [], 1)
    assert sum(granted) == MOST < sum(gain > 0 for gain in gains)
    for number, body in enumerate(bodies):
        row = log.iloc[number]
        assert body["action"] == row["action"] == ("offer" if granted[number] else "wait")
        assert body["expected_value"] == row["expected_value"] == row[row["action"]]
        assert body["best_action"] == row[BEST_ACTION] == row["best"]
        assert row[CAPACITY_GAIN] == gains[number]


def test_places_are_kept_for_better_rows_that_the_days_before_had_later(world: ServedWorld) -> None:
    past = [(0.4, timedelta(hours=NOW.hour + 1)), (0.9, timedelta(hours=NOW.hour + 2)), (5.0, timedelta(0))]
    midnight = datetime(NOW.year, NOW.month, NOW.day, tzinfo=NOW.tzinfo)
    earlier = pd.DataFrame(
        [
            {"effective_time": midnight - timedelta(days=day) + when, CAPACITY_GAIN: gain, "action": "wait"}
            for day in (1, 2)
            for gain, when in past * 3
        ]
    )
    world.patch.setattr(
        "ml_platform.operations.online.capacities.rows_with_places", lambda *of: earlier.assign(online=True)
    )
    expected = capacities_of(world.project, NOW)["yes"]
    publish_online(world.project, world.inputs, NOW)
    assert expected.days == 2
    service = Service(world.project)
    bodies = answered(service, rows_of(40), 1)
    service.close()
    log = logged(world, bodies)
    gains = (log["offer"] - log["wait"]).tolist()
    granted = by_loop(gains, 1, past * 6, 2)
    assert [body["action"] == "offer" for body in bodies] == granted
    assert granted != by_loop(gains, 1, [], 1)


def test_batch_scoring_and_the_service_share_the_places_of_a_day(world: ServedWorld) -> None:
    service = Service(world.project)
    first = answered(service, rows_of(7)[4:], 1)
    used = sum(body["action"] == "offer" for body in first)
    assert 0 < used < MOST
    (key,) = world.project.spec.file.entities[world.project.spec.models["yes"].population.entity]
    rows = pd.DataFrame({key: [f"b{number}" for number in range(20)], "effective_time": NOW})
    predicted = pd.DataFrame({"score": 0.5, "action": "offer", "expected_value": 3.0}, index=rows.index)
    expected = pd.DataFrame({"offer": [1.0 + number for number in range(20)], "wait": 0.0}, index=rows.index)
    answers = Answers(
        Version("yes", 1, "none", "none", NOW),
        (),
        rows,
        rows,
        predicted,
        expected,
        Decision("orders", {"offer": "label", "wait": "0"}, None, "wait"),
        pd.Series("", rows.index),
    )
    for _ in range(2):  # batch scoring that failed before its rows were in the log starts again
        (batch,) = recommended(world.project, "yes", [answers])
        recommended_rows = (batch.predicted["action"] == "offer").tolist()
        assert recommended_rows == [number >= 20 - (MOST - used) for number in range(20)]
    later = answered(service, rows_of(10, first=50), 1)
    service.close()
    assert {body["action"] for body in later} == {"wait"}


def test_an_answer_without_a_place_is_explained_and_agrees_bit_by_bit(world: ServedWorld) -> None:
    service = Service(world.project)
    bodies = answered(service, rows_of(30), 1)
    service.close()
    compact_online_log(world.project, NOW)
    denied = next(body for body in bodies if body["best_action"] != body["action"])
    explanation = explain(world.project, denied["prediction_id"], NOW)
    assert explanation.rescored.agrees
    assert "offer was best, and all its places of the day went to rows that gain more" in explanation.answer.taken
    parity = compare_requests(world.project, "yes", [NOW.date()], 100)
    assert parity.compared.rows == 30
    assert not parity.compared.differences
    use = capacity_use(world.project, "yes", NOW)
    assert use is not None
    assert (use.used, use.most) == (MOST, MOST)


def test_another_action_than_the_next_best_is_no_parity(world: ServedWorld) -> None:
    service = Service(world.project)
    bodies = answered(service, rows_of(20), 1)
    service.close()
    log = logged(world, bodies)
    predictor = load_predictor(world.project, world.project.store.get("trained_model", log["trained_model"].iloc[0]))
    predicted = many_rows(predictor, log)
    without_place = (log["action"] != log[BEST_ACTION]).to_numpy()
    assert without_place.any()
    right = as_recommended(predictor, log, predicted)
    assert right["action"].tolist() == log["action"].tolist()
    assert right["expected_value"].tolist() == log["expected_value"].tolist()
    forged = log.assign(action=log["action"].mask(without_place, "something else"))
    assert as_recommended(predictor, forged, predicted)["action"].tolist() == log["action"].tolist()
    held = log.assign(control=True, action="offer")  # a row that is held out gets the default action
    assert set(as_recommended(predictor, held, predicted)["action"]) == {"wait"}


def test_new_workers_and_other_workers_know_the_count(world: ServedWorld) -> None:
    one, other = Service(world.project), Service(open_project(world.project.root))
    bodies = [body for number, row in enumerate(rows_of(30)) for body in answered((one, other)[number % 2], [row], 1)]
    one.close()
    third = Service(open_project(world.project.root))
    bodies += answered(third, rows_of(10, first=40), 1)
    other.close()
    third.close()
    assert sum(body["action"] == "offer" for body in bodies) == MOST


def test_the_next_day_has_places(world: ServedWorld) -> None:
    service = Service(world.project)
    assert sum(body["action"] == "offer" for body in answered(service, rows_of(30), 1)) == MOST
    service.followed.seen_at = NOW + timedelta(days=1)
    served = service.model("yes")
    with service.store.view() as view:
        next_day = served.answer(rows_of(30, first=50), view, NOW + timedelta(days=1))
    assert sum(item.body["action"] == "offer" for item in next_day if not isinstance(item, RequestProblem)) == MOST
    service.close()


def test_where_places_cannot_be_counted_nothing_is_answered_that_wants_one(world: ServedWorld) -> None:
    service = Service(world.project)
    places = world.project.state / "serving" / "places"
    places.parent.mkdir(exist_ok=True)
    places.write_text("a file where the folder should be")
    with pytest.raises(RequestProblem, match="cannot be counted") as raised:
        answered(service, rows_of(7), 7)
    assert (raised.value.status, raised.value.retry_after) == (503, 5)
    places.unlink()
    assert answered(service, rows_of(7), 7)
    service.close()


def test_over_http_the_answer_has_what_was_best(world: ServedWorld) -> None:
    for server in serve(world):
        bodies = [server.post("/models/yes/predict", row).json() for row in rows_of(20)]
        assert sum(body["action"] == "offer" for body in bodies) == MOST
        assert sum(body["best_action"] == "offer" for body in bodies) > MOST
