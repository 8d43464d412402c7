"""An honest world has no difference; each planted fault is named by feature, row and both values."""

from __future__ import annotations

import dataclasses
import itertools
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.operations.online.publish import publish_online
from ml_platform.operations.parity.difference import Difference
from ml_platform.storage.prediction_log import read_predictions
from tests.features.world import at
from tests.operations.online.worlds import inputs_of, project_of, random_rows, trained_values
from tests.operations.parity.world import (
    LATER,
    ask,
    base_world,
    copy_of,
    in_zone,
    measured,
    publish_changed,
    publish_one_tick_off,
    requests_of,
)
from tests.serving import world as serving_world
from tests.serving.world import NOW, ServedWorld


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        yield base_world(tmp_path_factory.mktemp("parity") / "base", patch)
    time.tzset()


@pytest.fixture
def world(base: ServedWorld, tmp_path: Path) -> ServedWorld:
    return copy_of(base, tmp_path / "world")


def logged(world: ServedWorld, model: str) -> pd.DataFrame:
    return read_predictions(world.project, model, at(0), at(48)).set_index("prediction_id")


def trained(world: ServedWorld, model: str, now: Any) -> dict[str, list[Any]]:
    """What training's own look-up says of each request, column by column."""
    rows = [{**row, "shop": row["shop"]} for row in requests_of(model)]
    columns_trained = trained_values(world.project, model, world.inputs, rows, now)
    return {name: [row[name] for row in columns_trained] for name in columns_trained[0]}


@pytest.mark.parametrize("model", ["by_rows", "by_ticks", "zoned"])
def test_an_honest_world_has_no_difference_with_and_without_history(world: ServedWorld, model: str) -> None:
    answers = ask(world, model, NOW)
    measurement = measured(world, model)
    assert (measurement.differing, measurement.differences) == (0, ())
    assert measurement.requests.logged == measurement.requests.compared.rows == len(answers) == len(requests_of(model))
    assert measurement.requests.late == 0
    assert measurement.drawn.without_history > 0
    assert model == "by_rows" or measurement.drawn.compared.rows > measurement.drawn.without_history
    assert "every bit agrees" in measurement.facts.text


@pytest.mark.parametrize("seed", [2, 5])
def test_other_honest_worlds_have_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, base: ServedWorld
) -> None:
    monkeypatch.setattr(serving_world, "random_rows", lambda _: random_rows(seed))
    world = serving_world.served_world(tmp_path, monkeypatch, ["by_rows"])
    ask(world, "by_rows", NOW)
    assert measured(world, "by_rows").differing == 0


def test_served_ticks_that_are_old_are_counted_apart_and_are_no_difference(world: ServedWorld) -> None:
    ask(world, "by_rows", at(23))  # published at 20:00
    measurement = measured(world, "by_rows")
    assert measurement.differing == 0
    assert measurement.requests.late == len(requests_of("by_rows"))
    # At 23:00 training reads: 22:00 (7 min delay, hourly), 21:00 (20 min, every 3 h), 23:00 (no delay), 22:00 (5 min).
    hours = {"shop_recent": 22 - 19, "shop_slow": 21 - 18, "customer_profile": 23 - 20, "region_weather": 22 - 19}
    assert measurement.requests.greatest_lag == {name: 3600.0 * lag for name, lag in hours.items()}
    assert set(measurement.requests.late_by_table.values()) == {measurement.requests.late}


def test_a_sample_is_drawn_by_the_prediction_id_and_is_the_same_each_time(world: ServedWorld) -> None:
    ask(world, "by_rows", NOW)
    measurement = [measured(world, "by_rows", size=5) for _ in range(2)]
    assert [item.requests.compared.rows for item in measurement] == [5, 5]
    assert measurement[0].facts.text.startswith("5 of 16 logged requests (drawn by hash of the prediction id)")
    with pytest.MonkeyPatch.context() as patch:
        ids: list[list[str]] = []
        original = Predictor.predict

        def noted(self: Predictor, rows: pd.DataFrame) -> pd.DataFrame:
            ids.append(list(map(str, rows.index)))
            return original(self, rows)

        patch.setattr(Predictor, "predict", noted)
        measured(world, "by_rows", size=5)
        measured(world, "by_rows", size=16)
    drawn, everything = ids[0], ids[2]
    assert set(drawn) < set(everything)


def differences(world: ServedWorld, model: str, column: str) -> tuple[list[Difference], list[Difference]]:
    """Return the differences of requests and of drawn rows, all of one column."""
    measurement = measured(world, model)
    assert measurement.requests.compared.differing > 0
    assert {item.column for item in measurement.differences} == {column}
    return measurement.requests.compared.differences, measurement.drawn.compared.differences


def assert_names_both_values(world: ServedWorld, model: str, items: list[Difference], column: str, now: Any) -> None:
    """Each difference names a logged row, the value in the log, and the value that training's look-up gives."""
    log, expected = logged(world, model), trained(world, model, now)
    key = "shop" if model != "by_rows" else "id"
    order = [row[key] for row in requests_of(model)]
    for item in items:
        row = log.loc[item.row]
        served = row[column]
        assert item.served == served or (item.served is None and pd.isna(served))
        wanted = expected[column][order.index(row[key])]
        got = item.recomputed
        assert (np.float64(got).tobytes() if isinstance(got, float) else (type(got).__name__, got)) == wanted or (
            got is None and wanted is None
        )
        assert item.row in item.kept.text
        assert column in item.kept.text


def test_a_window_one_tick_off_is_named(world: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_one_tick_off(world, monkeypatch, "shop_recent")
    ask(world, "by_ticks", LATER)
    measurement = measured(world, "by_ticks")
    items = measurement.requests.compared.differences
    assert items
    assert measurement.drawn.compared.differing
    assert all(item.column.startswith("shop_recent.") for item in measurement.differences)
    assert all(item.note == "tick 2024-05-01T20:00:00.000000Z" for item in items)
    for item in items:
        assert_names_both_values(world, "by_ticks", [item], item.column, LATER)


def test_another_null_handling_is_named(world: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    column = "shop_recent.spread_6h"
    publish_changed(world, monkeypatch, column, lambda values: pc.fill_null(values, 0.0))
    ask(world, "by_rows", LATER)
    requests, drawn = differences(world, "by_rows", column)
    assert {(item.served, item.recomputed) for item in [*requests, *drawn]} == {(0.0, None)}
    assert_names_both_values(world, "by_rows", requests, column, LATER)
    assert all("id=" in item.row for item in drawn)


def test_a_cast_to_float32_is_named(world: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    column = "shop_recent.mean_6h"
    publish_changed(world, monkeypatch, column, lambda values: values.cast(pa.float32()).cast(pa.float64()))
    ask(world, "by_ticks", LATER)
    requests, _ = differences(world, "by_ticks", column)
    assert all(item.served == float(np.float32(item.recomputed)) != item.recomputed for item in requests)
    assert_names_both_values(world, "by_ticks", requests, column, LATER)


def test_an_instant_in_another_time_zone_is_named(world: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    column = "shop_slow.newest_1d"
    publish_changed(world, monkeypatch, column, lambda values: pc.add(values, timedelta(hours=2)))
    ask(world, "zoned", LATER)
    requests, drawn = differences(world, "zoned", column)
    assert drawn
    assert all(item.served - item.recomputed == timedelta(hours=2) for item in [*requests, *drawn])
    assert_names_both_values(world, "zoned", requests, column, LATER)


def test_a_transform_that_reads_the_zone_of_the_machine_is_named(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:  # a worker tries a version out when it loads it, and would refuse this one
        ask(world, "zoned", NOW, lambda _: in_zone(monkeypatch, "Asia/Tokyo"))
        measurement = measured(world, "zoned")
    finally:
        in_zone(monkeypatch, "UTC")
    items = measurement.differences
    assert measurement.requests.compared.differing
    assert measurement.drawn.compared.differing
    assert {item.column for item in items} == {"local.hour"}
    assert all(item.served == (item.recomputed + 9) % 24 for item in items)
    assert all("score differs" in item.note for item in measurement.requests.compared.differences)
    # From a machine in UTC, nothing tells which column it was: the score of the row is named.
    elsewhere = measured(world, "zoned").requests.compared.differences
    assert {item.column for item in elsewhere} == {"score"}
    scores = logged(world, "zoned")["score"]
    assert all(item.served == scores[item.row] != item.recomputed for item in elsewhere)


def test_a_category_map_of_another_version_is_named(world: ServedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    column, original, values = "shop_recent.kind_6h", serving_world.made_up_rows, serving_world._value

    def by_kind(project: Any, model: str, seed: int) -> pd.DataFrame:
        return _by_kind(original(project, model, seed, 2000), column)

    monkeypatch.setattr(serving_world, "made_up_rows", by_kind)
    first = world.deploy("by_ticks", seed=1)
    every_other = itertools.cycle([True, False])

    def with_another(kind: str, drawn: Any) -> Any:
        value = values(kind, drawn)
        return "b" if value == "y" and next(every_other) else value

    monkeypatch.setattr(serving_world, "_value", with_another)
    world.deploy("by_ticks", seed=2)
    store = world.project.store
    other = load_predictor(world.project, store.get("trained_model", first.id))

    def swap(served: Any) -> None:
        known = {item.name: item for item in other.matrix}
        matrix = tuple(
            item if item.categories is None else dataclasses.replace(item, categories=known[item.name].categories)
            for item in served.predictor.matrix
        )
        served._form = dataclasses.replace(served.predictor, matrix=matrix).row_form()

    ask(world, "by_ticks", NOW, swap)
    requests, drawn = differences(world, "by_ticks", column)
    assert not drawn
    log = logged(world, "by_ticks")
    for item in requests:
        value = str(log.loc[item.row, column])
        assert item.served == float(sorted(["x", "y", "ä\0z"]).index(value))
        assert item.recomputed == float(sorted(["b", "x", "y", "ä\0z"]).index(value))
        assert str(first) in item.note


def _by_kind(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return rows whose label follows from one category."""
    codes = frame[column].map({"b": 1.0, "x": 100.0, "y": 200.0, "ä\0z": 300.0})
    return frame.assign(label=codes.fillna(0.0))


def test_a_served_tick_that_is_none_of_the_declared_ones_is_named(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shift(served: Any) -> None:
        share = served._shared

        def shifted(description: Any) -> Any:
            now = share(description)
            ticks = {**now.context.ticks, "shop_recent": now.context.ticks["shop_recent"] + 60_000_000}
            context = type(now.context)(**{**_fields(now.context), "ticks": ticks})
            return dataclasses.replace(now, context=context)

        served._shared = shifted

    ask(world, "by_ticks", NOW, shift)
    requests, _ = differences(world, "by_ticks", "tick.shop_recent")
    assert {(item.served, item.recomputed) for item in requests} == {(at(19, minutes=1), at(19))}


def _fields(context: Any) -> dict[str, Any]:
    return {name: getattr(context, name) for name in context.__struct_fields__}


def test_an_artifact_that_is_newer_than_the_served_one_changes_nothing(world: ServedWorld) -> None:
    ask(world, "by_rows", NOW)
    publish_online(world.project, world.inputs, at(26))
    assert measured(world, "by_rows", now=at(26)).differing == 0


def test_without_requests_the_drawn_rows_decide(world: ServedWorld) -> None:
    measurement = measured(world, "by_ticks")
    assert measurement.requests.logged == 0
    assert measurement.facts.text.startswith("0 logged requests and ")
    assert measurement.drawn.compared.rows > 0


def test_a_store_that_was_never_published_is_an_error(tmp_path: Path, base: ServedWorld) -> None:
    from ml_platform.core.errors import OnlineStoreUnavailable
    from ml_platform.operations.parity.drawn import compare_drawn

    project = project_of(tmp_path, random_rows(1))
    inputs_of(project, at(60))
    trained_id = base.deploy("by_rows", seed=3).id
    predictor = load_predictor(base.project, base.project.store.get("trained_model", trained_id))
    with pytest.raises(OnlineStoreUnavailable, match="ml-platform run"):
        compare_drawn(project, "by_rows", predictor, 10, NOW)
