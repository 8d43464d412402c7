"""Which rows are asked about, when, and what they could see."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from ml_platform.core.errors import FrameError
from ml_platform.datasets.model_frame import asked_frame, model_frame
from ml_platform.features.build import build_feature_table
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at, write_csv, write_project

COLUMNS = {
    "orders": {
        "id": "string",
        "shop": "string",
        "at": "timestamp",
        "seen": "timestamp",
        "due": "timestamp",
        "n": "int",
    },
    "sales": {"id": "string", "shop": "string", "at": "timestamp", "seen": "timestamp", "amount": "float"},
}
MODEL: dict[str, Any] = {
    "task": "regression",
    "population": {"source": "orders", "entity": "order", "prediction_time": "due - 1h"},
    "label": {"source": "sales", "expression": "amount", "horizon": "2h"},
    "features": ["recent.*", "orders.n"],
    "split": {"train": "1d", "validate": "1d", "test": "14d"},
    "algorithm": "lightgbm",
    "value": {"payoff": "-abs(label - prediction)", "do_nothing": "0"},
    "deployment": {"batch": "0 * * * * UTC"},
    "monitoring": {"window": "1d"},
}
RECENT = {
    "entity": "shop",
    "source": "sales",
    "refresh": "30m",
    "publish_delay": "10m",
    "features": {"rows": {"count": True, "windows": ["1d"]}, "newest": {"last": "amount", "windows": ["1d"]}},
}


def source(name):
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}, "columns": COLUMNS[name]}
    return {"reader": {"csv": f"data/{name}.csv"}, **known}


def project_of(directory, orders, sales=(), **changes):
    rows = {"orders": orders, "sales": sales or [["none", "zzz", at(-99), at(-99), 1.0]]}
    for name, columns in COLUMNS.items():
        write_csv(directory / f"data/{name}.csv", list(columns), rows[name])
    return write_project(
        directory,
        sources={name: source(name) for name in COLUMNS},
        features={"recent": RECENT},
        models={"amounts": MODEL | changes},
        entities={"order": ["id"], "shop": ["shop"]},
    )


def inputs_of(project, now):
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in COLUMNS}
    return ids | {"features/recent": build_feature_table(project, "recent", ids["sources/sales"]).artifact.id}


def frame_of(project, start=-100, end=100, now=200, inputs=None):
    return model_frame(project, "amounts", inputs or inputs_of(project, at(now)), at(start), at(end), at(now))


def order(id, due, seen=-50.0, shop="a", n=1):
    return [id, shop, at(due), at(seen), at(due), n]


def test_a_row_is_asked_about_at_the_last_batch_run_at_or_before_its_prediction_time(tmp_path):
    project = project_of(tmp_path, [order("on", 4), order("between", 4.5), order("before", 3 + 59 / 60)])
    frame = frame_of(project)
    asked = dict(zip(frame["id"], zip(frame["prediction_time"], frame["effective_time"], strict=True), strict=True))
    assert asked == {
        "before": (at(2 + 59 / 60), at(2)),
        "between": (at(3.5), at(3)),
        "on": (at(3), at(3)),
    }
    assert list(frame["id"]) == ["before", "between", "on"]


def test_the_range_is_open_at_its_start_and_closed_at_its_end(tmp_path):
    project = project_of(tmp_path, [order(f"o{due}", due) for due in range(2, 8)])
    assert list(frame_of(project, start=3, end=5)["effective_time"]) == [at(4), at(5)]


def test_nothing_is_asked_about_after_now(tmp_path):
    project = project_of(tmp_path, [order(f"o{due}", due) for due in range(2, 8)])
    assert list(frame_of(project, now=2.5)["effective_time"]) == [at(1), at(2)]


def test_a_row_that_is_known_only_after_its_batch_run_is_not_asked_about(tmp_path):
    # Both are due at 4:30 and asked about at 3:00; the second is known one minute after.
    project = project_of(tmp_path, [order("known", 4.5, seen=3), order("unknown", 4.5, seen=3 + 1 / 60)])
    assert list(frame_of(project)["id"]) == ["known"]


def test_a_row_is_seen_as_it_was_known_at_its_batch_run(tmp_path):
    project = project_of(tmp_path, [order("x", 5, n=1), order("x", 5, seen=4.5, n=2), order("y", 5, n=1)])
    assert frame_of(project)[["id", "orders.n"]].to_numpy().tolist() == [["x", 1], ["y", 1]]


def test_a_row_that_moves_is_asked_about_at_each_time_that_was_believed(tmp_path):
    # Due at 5:00 it is asked about at 4:00; at 4:30 it is put off to 9:00 and asked about again at 8:00.
    moved = ["x", "a", at(5), at(4.5), at(9), 2]
    project = project_of(tmp_path, [order("x", 5, n=1), moved])
    frame = frame_of(project)
    assert list(zip(frame["effective_time"], frame["orders.n"], strict=True)) == [(at(4), 1), (at(8), 2)]


def test_a_row_that_moved_before_its_batch_run_is_asked_about_once(tmp_path):
    moved = ["x", "a", at(5), at(3), at(9), 2]
    project = project_of(tmp_path, [order("x", 5, n=1), moved])
    assert list(frame_of(project)["effective_time"]) == [at(8)]


def test_features_are_those_of_the_tick_that_was_published_at_the_batch_run(tmp_path):
    # The run at 3:00 reads the tick 2:30 (refresh 30m, published 10m later): a sale at 2:30 is in, one at 2:31 is not.
    sales = [["s1", "a", at(2.5), at(2.5), 7.0], ["s2", "a", at(2.5, minutes=1), at(2.5, minutes=1), 9.0]]
    project = project_of(tmp_path, [order("x", 4), order("later", 5)], sales)
    frame = frame_of(project).set_index("id")
    assert frame.loc["x", ["recent.rows_1d", "recent.newest_1d"]].tolist() == [1, 7.0]
    assert frame.loc["later", ["recent.rows_1d", "recent.newest_1d"]].tolist() == [2, 9.0]


def test_columns_come_in_one_order_and_types_do_not_depend_on_nulls(tmp_path):
    project = project_of(tmp_path, [order("x", 4, n=None), order("y", 4, shop=None)])
    full, empty = frame_of(project), frame_of(project, start=50, end=60)
    types = {
        "id": "object",
        "prediction_time": "datetime64[us, UTC]",
        "effective_time": "datetime64[us, UTC]",
        "orders.id": "object",
        "orders.shop": "object",
        "orders.at": "datetime64[us, UTC]",
        "orders.seen": "datetime64[us, UTC]",
        "orders.due": "datetime64[us, UTC]",
        "orders.n": "Int64",
        "recent.rows_1d": "Int64",
        "recent.newest_1d": "float64",
    }
    assert {name: str(kind) for name, kind in full.dtypes.items()} == types
    assert {name: str(kind) for name, kind in empty.dtypes.items()} == types
    assert list(full.columns) == list(types)
    assert full["recent.rows_1d"].tolist() == [0, 0]


def test_where_narrows_the_population_and_null_does_not_meet_it(tmp_path):
    population = MODEL["population"] | {"where": "n > 1"}
    project = project_of(
        tmp_path, [order("x", 4, n=None), order("y", 4, n=1), order("z", 4, n=2)], population=population
    )
    assert list(frame_of(project)["id"]) == ["z"]


def test_batch_runs_follow_their_zone_over_the_change_of_clocks(tmp_path):
    # In New York 10 March 2013 has 23 hours: runs at 6:00 local are 11:00 UTC before and 10:00 UTC from that day on.
    project = project_of(tmp_path, [order("x", 0)], deployment={"batch": "0 6 * * * America/New_York"})
    day = at(0).replace(year=2013, month=3, day=9)
    rows = [[f"o{n}", "a", day, day, day + timedelta(hours=13 + 24 * n), n] for n in range(3)]
    write_csv(tmp_path / "data/orders.csv", list(COLUMNS["orders"]), rows)
    ids = inputs_of(project, at(0))
    frame = model_frame(project, "amounts", ids, day, day + timedelta(days=5), at(0))
    assert list(frame["effective_time"]) == [day + timedelta(hours=hours) for hours in (11, 34, 58)]


SHOPS = {"population": MODEL["population"] | {"entity": "shop"}, "features": ["recent.*"]}


def asked_of(project, now=200):
    """The frame that scoring reads, and what it leaves out, as (hour of the batch run, reason, rows)."""
    asked = asked_frame(project, "amounts", inputs_of(project, at(now)), at(-100), at(100), at(now))
    row = asked.excluded[["effective_time", "reason", "rows"]].itertuples(index=False)
    return asked.rows, [((run - at(0)) / timedelta(hours=1), reason, rows) for run, reason, rows in row]


def test_an_entity_that_is_asked_about_twice_at_one_run_costs_the_second_row_only(tmp_path):
    # x, y and z ask about shop a at 3:00; y was known first. The row without a shop asks about no entity.
    rows = [order("x", 4), order("y", 4.5, seen=-60), order("z", 4, seen=2.9), order("other", 4, shop="b")]
    project = project_of(tmp_path, [*rows, order("later", 6), order("none", 6, shop=None)], **SHOPS)
    frame, asked = asked_of(project)
    assert frame["orders.id"].tolist() == frame_of(project)["orders.id"].tolist() == ["y", "other", "later"]
    assert asked == [(3, "asked_twice", 2), (5, "no_key", 1)]


def test_an_entity_that_is_asked_about_in_time_is_not_asked_about_late_at_the_same_run(tmp_path):
    # "late" asks about shop a at 3:00, is known at 3:06 and would be scored at 4:00, when "in time" asks about shop a.
    rows = [order("late", 4, seen=3.1), order("in time", 5), order("late elsewhere", 4, seen=3.1, shop="b")]
    deployment = {"batch": "0 * * * * UTC", "late_rows": "score"}
    frame, asked = asked_of(project_of(tmp_path, rows, **SHOPS, deployment=deployment))
    assert frame[["orders.id", "late"]].values.tolist() == [["in time", False], ["late elsewhere", True]]
    assert asked == [(4, "asked_twice", 1)]


# Rows that come late -------------------------------------------------------------------------

# Runs are hourly, a row is asked about an hour before it is due, and labels settle two hours after.
CAME_LATE = [
    order("in time", 4),  # asked about at 3:00
    order("late", 4, seen=3.1),  # known by the run at 4:00
    order("late and corrected", 4, seen=3.1, n=1),
    order("late and corrected", 4, seen=3.5, n=2),  # the run at 4:00 sees this version
    order("corrected late", 4, n=1),  # was asked about at 3:00
    order("corrected late", 4, seen=6.5, n=2),
    order("very late", 4, seen=5.1),  # known by the run at 6:00: 3 h after its prediction time
    ["put forward", "a", at(9), at(-50), at(9), 1],  # to be asked about at 8:00,
    ["put forward", "a", at(9), at(3.5), at(4), 2],  # and at 3:30 moved to 3:00, which has passed
    ["no time", "a", at(9), at(3.5), None, 1],
]


def test_rows_that_are_known_only_after_their_batch_run_are_counted_where_they_come(tmp_path):
    frame, asked = asked_of(project_of(tmp_path, CAME_LATE))
    assert frame["id"].tolist() == ["corrected late", "in time"]
    assert not frame["late"].any()
    assert asked == [(4, "missed", 3), (4, "no_prediction_time", 1), (6, "missed", 1)]


def test_late_rows_are_asked_about_at_the_first_run_that_knows_them_within_the_horizon(tmp_path):
    deployment = MODEL["deployment"] | {"late_rows": "score"}
    frame, asked = asked_of(project_of(tmp_path, CAME_LATE, deployment=deployment))
    late = frame[frame["late"]]
    assert late["id"].tolist() == ["late", "late and corrected", "put forward"]
    assert set(late["effective_time"]) == {at(4)}
    assert set(late["prediction_time"]) == {at(3)}
    assert late["orders.n"].tolist() == [1, 2, 2]
    assert asked == [(4, "no_prediction_time", 1), (6, "missed", 1)]


def test_a_condition_that_is_null_is_counted(tmp_path):
    population = MODEL["population"] | {"where": "n > 1"}
    rows = [order("x", 4, n=None, seen=2.5), order("y", 4, n=1), order("z", 4, n=2)]
    frame, asked = asked_of(project_of(tmp_path, rows, population=population))
    assert frame["id"].tolist() == ["z"]
    assert asked == [(3, "no_condition", 1)]


def test_a_missing_input_is_named(tmp_path):
    project = project_of(tmp_path, [order("x", 4)])
    with pytest.raises(FrameError, match="amounts: no id is given for its input sources/orders"):
        model_frame(project, "amounts", {}, at(0), at(9), at(9))


def test_a_batch_of_one_day_is_the_same_rows_as_in_a_long_frame(tmp_path):
    orders = [order(f"o{n}", n * 0.7, shop="abc"[n % 3], n=n) for n in range(200)]
    sales = [[f"s{n}", "abc"[n % 3], at(n * 0.31), at(n * 0.31 + n % 4), n / 7] for n in range(300)]
    project = project_of(tmp_path, orders, sales)
    ids = inputs_of(project, at(200))
    long = frame_of(project, start=-24, end=140, inputs=ids)
    days = [frame_of(project, start=start, end=start + 24, inputs=ids) for start in range(-24, 140, 24)]
    together = pd.concat(days, ignore_index=True)
    pd.testing.assert_frame_equal(together[together["effective_time"] <= at(140)], long)


def test_a_batch_as_it_ran_day_by_day_is_the_same_rows_as_later_in_one_piece(tmp_path):
    orders = [order(f"o{n}", n * 0.9, seen=n * 0.9 - 5, shop="abc"[n % 3], n=n) for n in range(80)]
    sales = [[f"s{n}", "abc"[n % 3], at(n * 0.31), at(n * 0.31 + n % 4), n / 7] for n in range(200)]
    live = project_of(tmp_path, orders, sales)
    parts = []
    for now in range(12, 60, 12):
        parts.append(frame_of(live, start=now - 12, end=now, now=now, inputs=inputs_of(live, at(now))))
    bulk = project_of(tmp_path / "bulk", orders, sales)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), frame_of(bulk, start=0, end=48))
