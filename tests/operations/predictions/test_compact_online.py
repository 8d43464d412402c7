"""Records of the prediction service reach the prediction log once each, whatever is killed or damaged in between."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from ml_platform.core.clock import to_micros
from ml_platform.operations.alerts import recent_alerts
from ml_platform.operations.predictions import compact_online
from ml_platform.operations.predictions.compact_online import compact_online_log, waiting_files
from ml_platform.operations.predictions.online_log import (
    LogContext,
    LoggedPrediction,
    LoggedShadow,
    OnlineLogWriter,
    online_log_folder,
)
from ml_platform.operations.predictions.score import score_batch
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.frame_log import FrameLog, frame_files
from ml_platform.storage.prediction_log import KIND, kept_json, logged_day, read_predictions
from ml_platform.storage.versions import Version
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.shop_project import open_shop

MODEL, DAY = "late_parcel", date(2024, 1, 10)
NOON = datetime(2024, 1, 10, 12, tzinfo=UTC)
_SHADOW = ["shadow_version", "shadow_score", "shadow_action", "shadow_expected_value"]
INPUTS = {"sources/orders": "orders1", "features/courier_recent": "table1"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    return hand_made_world(open_shop(tmp_path), monkeypatch)


@pytest.fixture
def version(world: HandMadeWorld) -> Version:
    trained = world.train(MODEL, shop_rows(300, seed=1), "snapshot1")
    return world.appoint(MODEL, trained, NOON - timedelta(days=2))


def context(world: HandMadeWorld, version: Version, tick: datetime = NOON) -> LogContext:
    return LogContext(
        model=MODEL,
        version=version.number,
        trained_model=version.id,
        inputs=INPUTS,
        ticks={"courier_recent": to_micros(tick)},
        key=("order_id",),
        columns=(("orders.order_id", "string"), ("orders.items", "int"), ("courier_recent.mean_late_7d", "float")),
        scores=("score",),
        declared=kept_json(world.project.spec, MODEL),
    )


def prediction(number: int, writer: OnlineLogWriter, shared: LogContext, at: datetime = NOON) -> LoggedPrediction:
    drawn = random.Random(number)
    return LoggedPrediction(
        context=writer.number(shared),
        id=f"{MODEL}.{at:%Y%m%d}.{number:016x}",
        at=to_micros(at) + number,
        key=[f"o{number}"],
        scores=[drawn.random()],
        predicted=None,
        action="upgrade",
        expected_value=None if number % 3 == 0 else drawn.gauss(0, 1),
        unlearned_nulls=None,
        values=[f"o{number}", None if number % 5 == 0 else number, drawn.random()],
    )


def write(world: HandMadeWorld, shared: LogContext, numbers: range, at: datetime = NOON) -> list[LoggedPrediction]:
    """Write predictions as a worker does that ends afterwards."""
    writer = OnlineLogWriter(FrameLog(online_log_folder(world.project)))
    written = [prediction(number, writer, shared, at) for number in numbers]
    for item in written:
        writer.write(item)
    writer.close()
    return written


def logged(world: HandMadeWorld):
    return read_predictions(world.project, MODEL, NOON - timedelta(days=9), NOON + timedelta(days=9))


def test_every_value_of_a_record_is_in_the_log(world: HandMadeWorld, version: Version) -> None:
    written = write(world, context(world, version), range(30))
    done = compact_online_log(world.project, NOON)
    assert (done.rows, done.files, waiting_files(world.project)) == ({MODEL: 30}, 1, 0)
    log = logged(world).set_index("prediction_id")
    for item in written:
        row = log.loc[item.id]
        assert (row["order_id"], row["score"].hex(), row["action"]) == (item.key[0], item.scores[0].hex(), "upgrade")
        assert to_micros(row["effective_time"].to_pydatetime()) == item.at
        assert row["tick.courier_recent"].to_pydatetime() == NOON
        assert row["courier_recent.mean_late_7d"] == item.values[2]
        items, value = row["orders.items"], row["expected_value"]
        assert (None if items != items else items) == item.values[1]
        assert (None if value != value else value) == item.expected_value
        assert (row["version"], row["trained_model"], bool(row["online"])) == (version.number, version.id, True)


def test_a_second_compaction_adds_nothing_and_open_files_are_reread(world: HandMadeWorld, version: Version) -> None:
    writer = OnlineLogWriter(FrameLog(online_log_folder(world.project)))
    shared = context(world, version)
    for number in range(5):
        writer.write(prediction(number, writer, shared))
    assert compact_online_log(world.project, NOON).rows == {MODEL: 5}
    assert waiting_files(world.project) == 1
    for number in range(5, 8):
        writer.write(prediction(number, writer, shared))
    assert compact_online_log(world.project, NOON).rows == {MODEL: 3}
    writer.close()
    assert compact_online_log(world.project, NOON).rows == {MODEL: 0}
    assert waiting_files(world.project) == 0
    assert len(logged(world)) == 8


@pytest.mark.parametrize("fails", ["append", "remove"])
def test_a_compaction_that_ends_in_the_middle_is_repeated(
    world: HandMadeWorld, version: Version, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    for number in range(3):
        write(world, context(world, version), range(number * 10, number * 10 + 10))
    real, calls = getattr(compact_online, f"_{fails}"), []

    def ends(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(compact_online, f"_{fails}", ends)
    with pytest.raises(KeyboardInterrupt):
        compact_online_log(world.project, NOON)
    monkeypatch.setattr(compact_online, f"_{fails}", real)
    compact_online_log(world.project, NOON)
    assert sorted(logged(world)["order_id"]) == sorted(f"o{number}" for number in range(30))
    assert waiting_files(world.project) == 0


def test_days_and_contexts_are_kept_apart(world: HandMadeWorld, version: Version) -> None:
    writer = OnlineLogWriter(FrameLog(online_log_folder(world.project)))
    ticks = [NOON - timedelta(hours=hour) for hour in range(3)]
    contexts = [context(world, version, tick) for tick in ticks]
    for number in range(30):
        at = NOON + timedelta(days=number % 2)
        writer.write(prediction(number, writer, contexts[number % 3], at))
    writer.close()
    compact_online_log(world.project, NOON)
    log = logged(world)
    for number in range(30):
        (row,) = log[log["order_id"] == f"o{number}"].to_dict("records")
        assert row["effective_time"].date() == DAY + timedelta(days=number % 2)
        assert row["tick.courier_recent"].to_pydatetime() == ticks[number % 3]


def test_rows_of_batch_runs_stay_with_the_facts_of_their_day(world: HandMadeWorld, version: Version) -> None:
    inputs = {**INPUTS, f"{MODEL}/deployment": "deployed1"}
    batch = score_batch(world.project, MODEL, inputs, DAY, NOON + timedelta(days=1))
    assert batch.rows > 0
    before = _state(world)
    write(world, context(world, version), range(4))
    compact_online_log(world.project, NOON)
    after = _state(world)
    assert after.rows == batch.rows + 4
    assert (after.excluded, after.late, after.before_first_deployment) == (
        before.excluded,
        before.late,
        before.before_first_deployment,
    )
    rescored = score_batch(world.project, MODEL, inputs, DAY, NOON + timedelta(days=1))
    assert (rescored.new_rows, rescored.rows) == (0, batch.rows + 4)


def _state(world: HandMadeWorld) -> PredictionsManifest:
    day = logged_day(world.project, MODEL, DAY)
    assert day is not None
    return PredictionsManifest.of(world.project.store.get(KIND, day.artifact))


def test_a_file_with_a_damaged_end_is_set_aside_and_its_records_are_kept(
    world: HandMadeWorld, version: Version
) -> None:
    write(world, context(world, version), range(6))
    (file,) = frame_files(online_log_folder(world.project))
    file.write_bytes(file.read_bytes()[:-5])
    done = compact_online_log(world.project, NOON)
    assert (done.rows, [path.suffix for path in done.damaged]) == ({MODEL: 5}, [".damaged"])
    (alert,) = recent_alerts(world.project)
    assert "bytes of a file of online predictions are no record" in alert["title"]
    assert waiting_files(world.project) == 0
    assert compact_online_log(world.project, NOON).damaged == []


def test_what_another_version_predicted_goes_into_the_row_of_the_prediction_that_was_sent(
    world: HandMadeWorld, version: Version
) -> None:
    shared, writer = context(world, version), OnlineLogWriter(FrameLog(online_log_folder(world.project)))
    replaced = [msgspec.structs.replace(prediction(number, writer, shared), shadowed=True) for number in range(4)]
    for item in replaced:
        writer.write(item)
    writer.write_shadow(LoggedShadow(replaced[0].id, 2, 0.25, "wait", -1.5), writer.file)
    writer.write_shadow(LoggedShadow(replaced[1].id), writer.file)  # the other version failed
    # those whose shadow may still come wait, as long as the file has a writer
    assert compact_online_log(world.project, NOON).rows == {MODEL: 2}
    writer.write_shadow(LoggedShadow(replaced[2].id, 2, 0.5, None, None), writer.file)
    writer.close()  # as where the worker is killed before the last one
    assert compact_online_log(world.project, NOON).rows == {MODEL: 2}
    log = logged(world).set_index("prediction_id")
    assert len(log) == 4
    rows = [[None if pd.isna(value) else value for value in log.loc[item.id, _SHADOW]] for item in replaced]
    assert rows == [[2, 0.25, "wait", -1.5], [None] * 4, [2, 0.5, None, None], [None] * 4]
    assert set(log["version"]) == {version.number}


def test_a_shadow_that_comes_after_its_file_has_ended_is_ignored(world: HandMadeWorld, version: Version) -> None:
    shared, writer = context(world, version), OnlineLogWriter(FrameLog(online_log_folder(world.project), max_bytes=1))
    first = msgspec.structs.replace(prediction(1, writer, shared), shadowed=True)
    writer.write(first)
    file = writer.file
    second = prediction(2, writer, shared)  # begins the next file
    writer.write(second)
    writer.write_shadow(LoggedShadow(first.id, 2, 0.25, "wait", -1.5), file)
    writer.close()
    assert compact_online_log(world.project, NOON).rows == {MODEL: 2}
    assert "shadow_version" not in logged(world).columns
