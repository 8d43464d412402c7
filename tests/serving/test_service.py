"""Answers of the service: what the predictor says of what the online store holds, logged before it is given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.datasets.membership import membership
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.online.lookup import ModelLookup
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.service import Service
from ml_platform.storage.prediction_log import read_predictions
from tests.features.world import at
from tests.operations.online.worlds import SHOPS
from tests.serving.world import MODELS, NOW, ServedWorld, served_world

ROW = {"id": "q1", "shop": "a", "customer": 1, "items": 2, "gift": True}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch)


@pytest.fixture(scope="module")
def service(world: ServedWorld):
    running = Service(world.project)
    yield running
    running.close()


def predicted(service: Service, model: str, row: dict[str, Any]) -> dict[str, Any]:
    served = service.model(model)
    return dict(service.record(service.answer(served, [row]))[0])


def expected(world: ServedWorld, service: Service, model: str, row: dict[str, Any]) -> pd.Series:
    """Return what the predictor says of a frame of one row of looked-up values."""
    version = service.model(model).version
    predictor = load_predictor(world.project, world.project.store.get("trained_model", version.id))
    with service.store.view() as view:
        values = ModelLookup(world.project.spec, world.project.spec.models[model]).look_up(view, row).values
    types: dict[str, Any] = {"int": "Int64", "float": "float64", "bool": "boolean", "string": object}
    frame = pd.DataFrame(
        {
            column.name: pd.Series([values[column.name]], dtype=object).astype(
                types.get(column.type, "datetime64[us, UTC]")
            )
            for column in predictor.inputs
        }
    )
    return predictor.predict(frame).iloc[0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shop", [shop for shop in SHOPS if shop])
def test_an_answer_is_that_of_the_predictor_for_the_published_row_to_the_bit(
    world: ServedWorld, service: Service, model: str, shop: str
) -> None:
    row = {"shop": shop} if "every" in MODELS[model]["population"] else {**ROW, "shop": shop}
    answer, wanted = predicted(service, model, row), expected(world, service, model, row)
    if model == "kind":
        assert {f"score.{name}": score.hex() for name, score in answer["scores"].items()} == {
            name: wanted[name].hex() for name in wanted.index if name.startswith("score.")
        }
        assert answer["predicted"] == wanted["predicted"]
    else:
        assert answer["score"].hex() == float(wanted["score"]).hex()
    assert answer["action"] == wanted["action"]
    value = answer["expected_value"]
    assert (math.nan if value is None else value).hex() == float(wanted["expected_value"]).hex()
    assert answer["prediction_id"].startswith(f"{model}.{NOW:%Y%m%d}.")


def test_an_answer_has_tick_age_and_history_of_each_table(service: Service) -> None:
    tables = predicted(service, "by_ticks", {"shop": "unseen"})["tables"]
    assert tables["shop_recent"] == {
        "tick": "2024-05-01T19:00:00.000000Z",
        "age_seconds": 3600.0,
        "late": False,
        "history": False,
    }
    assert tables["shop_slow"]["tick"] == "2024-05-01T18:00:00.000000Z"


def test_an_answer_shows_whether_its_entity_is_in_the_population(world: ServedWorld, service: Service) -> None:
    shops = [shop for shop in SHOPS if shop is not None]
    offline = membership(world.project, "by_ticks", world.inputs, pd.DataFrame({"shop": shops}), NOW)
    answers = [predicted(service, "by_ticks", {"shop": shop})["population"] for shop in shops]
    tick = {"tick": "2024-05-01T20:00:00.000000Z"}
    assert answers == [row | tick for row in offline.to_dict("records")]
    assert {answer["in_population"] for answer in answers} == {True, False}
    unasked = {"in_population": False, "reason": "not_asking"} | tick  # no row of this order is known
    assert predicted(service, "by_rows", ROW)["population"] == unasked


def test_two_answers_to_the_same_question_have_two_ids(service: Service) -> None:
    first, second = (predicted(service, "by_ticks", {"shop": "a"}) for _ in range(2))
    assert first["prediction_id"] != second["prediction_id"]
    assert first["score"] == second["score"]


@pytest.mark.parametrize(
    ("row", "status", "text"),
    [
        ({}, 422, "^the request lacks id. It is the key of the entity order: send it.$"),
        ({"shop": "a"}, 422, "^the request lacks id. It is the key"),
        ({**ROW, "shp": "a"}, 422, "there is no column 'shp'"),
        ({**ROW, "customer": "1"}, 422, "customer must be int"),
        ({**ROW, "customer": True}, 422, "customer must be int"),
        ({**ROW, "customer": 2**63}, 422, "customer must be int"),
        ({**ROW, "id": None}, 422, "column id is null. It is a key of the entity"),
        ({**ROW, "items": 1.5}, 422, "items must be int"),
        ({**ROW, "placed": "yesterday"}, 422, "must be a time with its zone"),
        ({**ROW, "placed": "2024-05-01T10:00:00"}, 422, "must be a time with its zone"),
        ({**ROW, "shop": "\ud800"}, 422, "shop must be string"),
        ({"id": "nobody"}, 422, "the online store has no row of orders for this order"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_what_is_wrong(
    service: Service, row: dict[str, Any], status: int, text: str
) -> None:
    with pytest.raises(RequestProblem, match=text) as caught:
        service.answer(service.model("by_rows"), [row])
    assert caught.value.status == status


def test_of_several_rows_the_wrong_one_is_named_and_nothing_is_logged(world: ServedWorld, service: Service) -> None:
    before = len(logged(world, "by_rows"))
    with pytest.raises(RequestProblem, match="row 12: "):
        service.answer(service.model("by_rows"), [ROW, ROW, {**ROW, "items": "two"}], first=10)
    assert len(logged(world, "by_rows")) == before


def logged(world: ServedWorld, model: str) -> pd.DataFrame:
    compact_online_log(world.project, NOW)
    return read_predictions(world.project, model, at(0), at(100))


@pytest.mark.parametrize("model", MODELS)
def test_what_is_logged_is_what_was_answered_and_what_it_was_answered_from(
    world: ServedWorld, service: Service, model: str
) -> None:
    row = {"shop": "b"} if "every" in MODELS[model]["population"] else {**ROW, "shop": "b"}
    answer = predicted(service, model, row)
    log = logged(world, model).set_index("prediction_id")
    actual = log.loc[answer["prediction_id"]]
    scores = answer.get("scores") or {"": answer["score"]}
    assert {f"score.{name}".rstrip("."): value for name, value in scores.items()} == {
        name: actual[name] for name in log.columns if name.split(".")[0] == "score"
    }
    assert actual["version"] == answer["version"]
    assert actual["tick.shop_recent"].isoformat() == "2024-05-01T19:00:00+00:00"
    with service.store.view() as view:
        values = ModelLookup(world.project.spec, world.project.spec.models[model]).look_up(view, row).values
    for column in service.model(model).predictor.inputs:
        value, kept = values[column.name], actual[column.name]
        assert (value is None or value != value) == bool(pd.isna(kept))
        if not pd.isna(kept):
            assert kept == value


def test_an_unknown_model_and_one_without_a_version_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = served_world(tmp_path, monkeypatch, ["by_ticks"])
    service = Service(world.project)
    with pytest.raises(RequestProblem, match="There is: by_ticks") as caught:
        service.model("other")
    assert caught.value.status == 404
    service.close()
