"""Batch scoring: each row once, by the version in charge at its batch run, and nothing is made up afterwards."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.cli.predictions import list_predictions
from ml_platform.core.errors import BrokenInput
from ml_platform.datasets.population.limits import draws
from ml_platform.declarations.checks.problems import LOGGED_COLUMNS, RESERVED_COLUMNS
from ml_platform.models.capacity import BEST_ACTION, CAPACITY_GAIN
from ml_platform.models.control import CONTROL, PROPENSITY
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.monitoring.realized_value import DONE
from ml_platform.operations.predictions.compact_online import ONLINE, SHADOW
from ml_platform.operations.predictions.due import due_days, read_until
from ml_platform.operations.predictions.rows import prediction_ids
from ml_platform.operations.predictions.score import score_batch, score_days
from ml_platform.operations.predictions.taken_actions import TAKEN
from ml_platform.project import open_project
from ml_platform.sources.checks.results import CheckResult, record_checks
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import read_predictions
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.operations.predictions.scored_day import (
    DAY,
    END,
    INPUTS,
    MODEL,
    START,
    appointed,
    log_of,
    rows_of_day,
    score,
)
from tests.shop_project import open_shop


def test_a_day_is_scored_by_the_champion_with_its_predictor(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    scored = score(world, END + timedelta(hours=1))
    log, expected = log_of(world), rows_of_day(world)
    assert (scored.new_rows, scored.rows, scored.before_first_deployment) == (len(expected), len(expected), 0)
    assert sorted(log["order_id"]) == sorted(expected["order_id"])
    artifact = world.project.store.get("trained_model", log["trained_model"].iloc[0])
    predicted = load_predictor(world.project, artifact).predict(expected)
    by_order = log.set_index("order_id").loc[expected["order_id"]]
    assert by_order["score"].tolist() == predicted["score"].tolist()
    assert by_order["action"].tolist() == predicted["action"].tolist()
    assert by_order["expected_value"].tolist() == predicted["expected_value"].tolist()


def test_no_key_may_be_called_as_a_column_of_the_log_is(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    score(world, END + timedelta(hours=1))
    logged = {name for name in log_of(world).columns if "." not in name} - {"order_id"}
    assert {"version", "score"} <= logged <= {*LOGGED_COLUMNS, *RESERVED_COLUMNS}
    added = {BEST_ACTION, CAPACITY_GAIN, CONTROL, PROPENSITY, TAKEN, DONE, ONLINE, f"{SHADOW}score", f"{SHADOW}version"}
    assert added <= set(LOGGED_COLUMNS)


def test_a_list_for_machines_has_each_digit_of_the_log(
    world: HandMadeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    appointed(world, START - timedelta(days=1))
    score(world, END + timedelta(hours=1))
    list_predictions(world.project.root, MODEL, DAY.isoformat(), 1000, as_json=True)
    listed = {item["prediction_id"]: item for item in json.loads(capsys.readouterr().out)["predictions"]}
    log = log_of(world).set_index("prediction_id")
    assert len(listed) == len(log) > 10
    for id, row in log.iterrows():
        assert (listed[id]["score"], listed[id]["expected_value"]) == (row["score"], row["expected_value"])
        assert pd.Timestamp(listed[id]["effective_time"]) == row["effective_time"]


def test_the_whole_utc_day_is_asked_for_and_nothing_else(world: HandMadeWorld) -> None:
    score(world, END + timedelta(hours=1))
    score(world, START + timedelta(hours=10))
    score(world, START - timedelta(hours=10))
    microsecond = timedelta(microseconds=1)
    assert world.asked == [
        (START - microsecond, END - microsecond),
        (START - microsecond, START + timedelta(hours=10)),
        (START - microsecond, START - microsecond),
    ]


def test_scoring_twice_adds_nothing(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    first = score(world, END)
    rescored = score(world, END + timedelta(days=3))
    assert rescored.made.reused
    assert (rescored.new_rows, rescored.rows, rescored.made.artifact.id) == (0, first.rows, first.made.artifact.id)
    other_inputs = score(world, END + timedelta(days=3), orders="orders2")
    assert (other_inputs.new_rows, other_inputs.made.artifact.id) == (0, first.made.artifact.id)
    assert len(log_of(world)) == first.rows


def test_a_day_grows_with_its_batch_runs(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    noon = START + timedelta(hours=12)
    morning = score(world, noon)
    assert morning.rows == len(rows_of_day(world, end=noon + timedelta(microseconds=1)))
    whole = score(world, END)
    assert whole.rows == morning.rows + whole.new_rows == len(rows_of_day(world))
    assert log_of(world)["scored_at"].drop_duplicates().tolist() == [pd.Timestamp(noon), pd.Timestamp(END)]


def test_a_day_without_rows_and_a_day_that_has_not_begun_are_no_errors(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    empty = score(world, START + timedelta(days=300), day=date(2024, 6, 1))
    ahead = score(world, START - timedelta(hours=5))
    for scored in (empty, ahead):
        assert (scored.rows, scored.before_first_deployment, dict(scored.made.artifact.objects)) == (0, 0, {})
    assert empty.fact == "no row asked for a prediction on 2024-06-01 while a version was deployed"


def test_many_days_at_once_are_scored_as_each_by_itself(
    world: HandMadeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appointed(world, START - timedelta(days=1))
    days, now = [DAY + timedelta(days=count) for count in range(5)], END + timedelta(days=3, hours=7)
    one_by_one = [score(world, now, day) for day in days]
    log = log_of(world)
    other = hand_made_world(open_shop(tmp_path / "other"), monkeypatch)
    appointed(other, START - timedelta(days=1))
    score(other, now, days[2])
    at_once = score_days(other.project, MODEL, INPUTS, days, now)
    assert [scored.made.reused for scored in at_once] == [False, False, True, False, False]
    assert [scored.made.artifact.id for scored in at_once] == [scored.made.artifact.id for scored in one_by_one]
    assert log_of(other).equals(log)
    assert score_days(other.project, MODEL, INPUTS, [], now) == []


def test_a_row_that_arrives_later_but_was_known_in_time_is_added(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    everything = world.rows
    world.rows = everything.drop(rows_of_day(world).index[:3])
    first = score(world, END)
    world.rows = everything
    second = score(world, END + timedelta(hours=1), orders="orders2")
    assert (second.new_rows, second.rows) == (3, first.rows + 3)


def test_a_second_row_about_an_entity_that_was_scored_at_a_run_adds_no_second_prediction(world: HandMadeWorld) -> None:
    # It was ingested after the scoring, and had become known earlier than the row that was scored.
    appointed(world, START - timedelta(days=1))
    first = score(world, END + timedelta(hours=1))
    row = rows_of_day(world).index[3]
    moved = world.rows.loc[[row]].assign(prediction_time=world.rows.loc[row, "prediction_time"] + timedelta(minutes=7))
    world.rows = pd.concat([world.rows.drop(row), moved], ignore_index=True)
    rescored = score(world, END + timedelta(hours=1), orders="orders2")
    assert (rescored.rows, rescored.new_rows) == (first.rows, 0)
    log = log_of(world)
    assert not log.duplicated(["order_id", "effective_time"]).any()


def test_scoring_twice_never_makes_more_than_max_rows_predictions_at_a_batch_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = open_shop(tmp_path).root / f"models/{MODEL}.yaml"
    path.write_text(path.read_text().replace("population: {", "population: {max_rows: 3, "))
    world = hand_made_world(open_project(path.parents[1]), monkeypatch)
    assert world.project.spec.models[MODEL].population.max_rows == 3
    appointed(world, START - timedelta(days=1))
    rows = world.rows[world.rows["effective_time"] >= START].head(7)
    at = START + timedelta(hours=7)
    rows = rows.assign(effective_time=pd.Timestamp(at), prediction_time=pd.Timestamp(at))
    first, others = rows.iloc[:2], rows.iloc[2:]
    world.rows = first
    assert score(world, END).rows == 2
    for number, asked in enumerate((others.iloc[:3], others.iloc[::-1], rows)):
        world.rows = asked
        assert score(world, END + timedelta(hours=1 + number), orders=f"orders{number}").rows == 3
    log = set(log_of(world)["order_id"])
    # Room for one more: of three, the one with the lowest draw.
    keys = pa.table({"order_id": others["order_id"].iloc[:3], "_effective": [int(at.timestamp()) * 10**6] * 3})
    lowest = others["order_id"].iloc[int(np.argmin(draws(keys, ["order_id"])))]
    assert log == {*first["order_id"], lowest}


def test_a_day_is_complete_once_the_population_was_read_after_its_end(world: HandMadeWorld) -> None:
    appointed(world, START + timedelta(hours=1))
    database, minutes = world.project.database, timedelta(minutes=1)

    def run(node: str, at: datetime, partition: str = "") -> None:
        record_output(database, node, node.partition("/")[2], "id", run="run", at=at, partition=partition)

    run("sources/orders", END - 30 * minutes)
    now = END + 10 * minutes  # predictions are made by themselves, from what was read before midnight
    run(f"{MODEL}/predictions", read_until(world.project, MODEL, now), DAY.isoformat())
    tomorrow = DAY + timedelta(days=1)
    assert due_days(world.project, MODEL, now + minutes) == (DAY, tomorrow)
    run("sources/orders", END + 20 * minutes)
    run(f"{MODEL}/predictions", read_until(world.project, MODEL, END + 21 * minutes), DAY.isoformat())
    assert due_days(world.project, MODEL, END + 22 * minutes) == (tomorrow,)


def test_the_log_holds_ticks_and_the_feature_values_that_were_used(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    world.rows = world.rows.assign(**{"orders.items": world.rows["orders.items"].astype("float64")})
    score(world, END)
    log = log_of(world).set_index("order_id")
    used = world.rows.set_index("order_id").loc[log.index]
    for name in ("courier_recent.mean_late_7d", "orders.amount", "orders.items"):
        assert np.array_equal(log[name].to_numpy("float64"), used[name].to_numpy("float64"), equal_nan=True), name
    effective = log["effective_time"].iloc[0]
    # Refreshed at whole hours and published 5 minutes later: at 13:04 the tick is 12:00, at 13:05 it is 13:00.
    assert log["tick.courier_recent"].iloc[0] == (effective - timedelta(minutes=5)).floor("h")
    assert str(log["tick.courier_recent"].dtype) == "datetime64[us, UTC]"


def test_ids_follow_from_entity_and_times_alone(world: HandMadeWorld) -> None:
    rows = world.rows.head(3)
    ids = prediction_ids(MODEL, rows, ["order_id"])
    assert ids.str.fullmatch(r"late_parcel\.20240101\.[0-9a-f]{16}").all()
    assert ids.is_unique
    same = prediction_ids(MODEL, rows.assign(**{"orders.amount": 0.0}), ["order_id"])
    assert same.tolist() == ids.tolist()
    later = rows.assign(effective_time=rows["effective_time"] + timedelta(minutes=1))
    assert not set(prediction_ids(MODEL, later, ["order_id"])) & set(ids)
    assert not set(prediction_ids("lateness", rows, ["order_id"])) & set(ids)


def test_a_regression_logs_its_prediction_and_no_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = hand_made_world(open_shop(tmp_path), monkeypatch, label="minutes")
    trained = world.train("lateness", shop_rows(300, seed=1, label="minutes"), "minutes")
    world.appoint("lateness", trained, START)
    score_batch(world.project, "lateness", INPUTS, DAY, END)
    log = read_predictions(world.project, "lateness", START, END)
    assert log["score"].notna().all()
    assert log["action"].isna().all()
    assert log["expected_value"].isna().all()


@pytest.mark.parametrize("broken", ["sources/orders", "sources/deliveries", "features/courier_recent"])
def test_a_broken_source_stops_scoring_and_leaves_the_log_as_it_was(world: HandMadeWorld, broken: str) -> None:
    appointed(world, START - timedelta(days=1))
    before = score(world, START + timedelta(hours=12)).rows
    record_checks(world.project.database, broken, [CheckResult("not_null", passed=False)], "run", START)
    with pytest.raises(BrokenInput) as caught:
        score(world, END)
    assert caught.value.upstream == broken
    assert len(log_of(world)) == before
