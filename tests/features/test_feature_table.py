"""The engine against loops, cell by cell, and the cases that people get wrong."""

import math
import os
import random
from datetime import datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import FeatureError
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.features.sample import newest_values, sample_values
from ml_platform.sources.ingest import ingest_source
from tests.features import oracle
from tests.features.world import SALES, at, text, write_csv, write_project

pytestmark = pytest.mark.usefixtures("each_engine")

COLUMNS = {
    "id": "string",
    "shop": "string",
    "at": "timestamp",
    "seen": "timestamp",
    "amount": "float",
    "items": "int",
    "kind": "string",
}
WINDOWS = {
    "1h": (timedelta(hours=-1), timedelta(0)),
    "ever": (None, timedelta(0)),
    "next_2h": (timedelta(0), timedelta(hours=2)),
    "m2h_to_1h": (timedelta(hours=-2), timedelta(hours=1)),
}
WRITTEN = {"next_2h": ["0h", "2h"], "m2h_to_1h": ["-2h", "1h"]}
AGGREGATES = {
    "rows": ("count", None, None, True),
    "big": ("count", None, lambda row: row["amount"] is not None and row["amount"] > 2, True),
    "total": ("sum", lambda row: row["amount"], None, "amount"),
    "pieces": ("sum", lambda row: row["items"], None, "items"),
    "mean": ("mean", lambda row: row["amount"], None, "amount"),
    "mean_items": ("mean", lambda row: row["items"], lambda row: row["kind"] == "x", "items"),
    "low": ("min", lambda row: row["amount"], None, "amount"),
    "high": ("max", lambda row: row["items"], None, "items"),
    "spread": ("std", lambda row: row["amount"], None, "amount"),
    "share": ("share", lambda row: None if row["amount"] is None else row["amount"] > 2, None, "amount > 2"),
    "newest": ("last", lambda row: row["kind"], None, "kind"),
    "newest_x": ("last", lambda row: row["amount"], lambda row: row["kind"] == "x", "amount"),
    "since": ("time_since_last", None, None, True),
    "oldest": ("first", lambda row: row["kind"], None, "kind"),
    "oldest_x": ("first", lambda row: row["amount"], lambda row: row["kind"] == "x", "amount"),
    "some": ("any", lambda row: None if row["amount"] is None else row["amount"] > 2, None, "amount > 2"),
    "no_one": ("none", lambda row: None if row["items"] is None else row["items"] > 1, None, "items > 1"),
}
WHERE = {"big": "amount > 2", "mean_items": "kind == 'x'", "newest_x": "kind == 'x'", "oldest_x": "kind == 'x'"}


def declared(refresh="1h", delay="0s", windows=tuple(WINDOWS)):
    features = {
        name: {how: text_, "windows": [WRITTEN.get(window, window) for window in windows]}
        | ({"where": WHERE[name]} if name in WHERE else {})
        for name, (how, _, _, text_) in AGGREGATES.items()
    }
    return {"entity": "shop", "source": "sales", "refresh": refresh, "publish_delay": delay, "features": features}


def project_of(directory, rows, table, source=None, **project):
    columns = COLUMNS if source is None else source["columns"]
    write_csv(directory / "data/sales.csv", list(columns), [[row[name] for name in columns] for row in rows])
    source = {**SALES, "reader": {"csv": "data/sales.csv"}, "key": ["id"], "columns": COLUMNS, **(source or {})}
    return write_project(directory, sources={"sales": source}, features={"recent": table}, **project)


def built(project, now):
    source = ingest_source(project, "sales", now).made.artifact.id
    return build_feature_table(project, "recent", source).artifact


def answers(project, artifact, questions, columns=None):
    """Values of all features for (shop, instant) pairs, through the platform's one look-up."""
    spec = project.spec.feature_tables["recent"]
    asked = pa.table(
        {
            "place": pa.array(range(len(questions)), pa.int64()),
            "who": pa.array([shop for shop, _ in questions], pa.string()),
            "when": pa.array([to_micros(instant) for _, instant in questions], pa.int64()),
        }
    )
    with project.engine() as engine:
        wanted = list(columns or spec.columns)
        keys = {"shop": "who"}
        return features_at(project, engine, artifact, asked, keys=keys, instant="when", columns=wanted).to_pylist()


def expected(rows, shop, tick):
    values = {}
    for label, (start, end) in WINDOWS.items():
        seen = oracle.visible(rows, shop, tick, start, end)
        for name, (how, value, where, _) in AGGREGATES.items():
            counted = [row for row in seen if where is None or where(row)]
            values[f"recent.{name}_{label}"] = oracle.aggregate(how, counted, value, tick)
    return values


def assert_equal_cells(project, artifact, rows, questions):
    spec = project.spec.feature_tables["recent"]
    of_tick = cache(lambda shop, tick: expected(rows, shop, tick))
    for (shop, instant), answered in zip(questions, answers(project, artifact, questions), strict=True):
        for column, value in of_tick(shop, oracle.tick_at(instant, spec.refresh, spec.publish_delay)).items():
            assert same(answered[column], value, column), (column, shop, instant, answered[column], value)


def same(actual, value, column):
    if "spread" in column and value is not None:
        return actual is not None and math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-9)
    return actual == value


MOMENTS = [at(hour, microseconds=micro) for hour in range(8) for micro in (-1, 0, 1)] + [at(1.5), at(4.25)]
ROW = st.fixed_dictionaries(
    {
        "id": st.integers(1, 16).map("r{}".format),
        "shop": st.sampled_from(["a", "b", "c", None]),
        "at": st.sampled_from(MOMENTS),
        "seen": st.sampled_from(MOMENTS),
        "amount": st.none() | st.sampled_from([0.0, 0.1, 2.0, 2.5, -3.75, 1e6, 0.0000005]),
        "items": st.none() | st.integers(-3, 9),
        "kind": st.sampled_from(["x", "y", None]),
    }
)


PROVE = bool(os.environ.get("ML_PLATFORM_PROVE"))
EXAMPLES = {"duckdb": 30, "spark": 5} if PROVE else {"duckdb": 3, "spark": 1}
"""How many worlds are drawn. Spark takes minutes for one, and is held to DuckDB's bits by tests of the engines."""


def drawn_worlds(engine):
    """The settings of a test that draws whole worlds."""
    return settings(
        max_examples=EXAMPLES[engine],
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # a failure names its cell; to shrink it would take minutes
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.mark.timeout(7200 if PROVE else 600)
def test_every_cell_equals_the_loop_with_ties_corrections_and_nulls(tmp_path_factory, each_engine):
    questions = [(shop, instant) for shop in ("a", "b", "c", "nobody", None) for instant in (*MOMENTS, at(12), at(-5))]

    @drawn_worlds(each_engine)
    @given(st.lists(ROW, min_size=12, max_size=60, unique_by=lambda row: (row["id"], row["seen"])))
    def equal(rows):
        project = project_of(tmp_path_factory.mktemp("world"), rows, declared())
        assert_equal_cells(project, built(project, at(20)), rows, questions)

    equal()


DELETES = {"columns": COLUMNS | {"gone": "bool"}, "deletes": "gone"}
DRAWN = st.tuples(ROW, st.booleans())


@pytest.mark.timeout(7200 if PROVE else 600)
def test_every_cell_equals_the_loop_where_rows_are_deleted_at_once_or_by_later_ingests(tmp_path_factory, each_engine):
    questions = [(shop, instant) for shop in ("a", "b", "c", None) for instant in (*MOMENTS, at(12))]

    @drawn_worlds(each_engine)
    @given(st.lists(DRAWN, min_size=12, max_size=60, unique_by=lambda it: (it[0]["id"], it[0]["seen"])))
    def equal(drawn):
        rows = [row("z", 0, shop="b") | {"gone": False}, *(actual | {"gone": gone} for actual, gone in drawn)]
        folder = tmp_path_factory.mktemp("world")
        for now in (at(3), at(20)):  # nothing changes for what is known by hour three
            known = [actual for actual in rows if actual["seen"] <= now]
            project = project_of(folder, known, declared(), DELETES)
            assert_equal_cells(project, built(project, now), rows if now == at(20) else known, questions)

    equal()


def test_a_row_that_a_full_load_lacks_counts_until_that_load(tmp_path):
    table = one_table({"sum": "amount"}, ["ever"])
    for now, shops in ((3, "abc"), (6, "ac"), (9, "abc")):
        rows = [row(shop, 1, shop="a", amount=float(ord(shop) - 96)) for shop in shops]
        project = project_of(tmp_path, rows, table, {"columns": COLUMNS, "full": True})
        artifact = built(project, at(now))
    actual = [value_at(project, artifact, "a", at(hour)) for hour in (0, 1, 5, 6, 8, 9)]
    assert actual == [0.0, 6.0, 6.0, 4.0, 4.0, 6.0]


@pytest.mark.parametrize(("refresh", "delay"), [("37m", "5m"), ("1d", "1h"), ("1s", "0s")])
def test_every_cell_equals_the_loop_at_other_refresh_intervals_without_corrections(tmp_path, refresh, delay):
    draw = random.Random(11)
    rows = [
        {
            "id": f"r{number}",
            "shop": draw.choice(["a", "b", "c", None]),
            "at": (event := at(draw.uniform(-30, 50))),
            "seen": event + timedelta(hours=draw.choice([0, 0, 0.5, 3, 26, -2])),
            "amount": draw.choice([None, round(draw.uniform(-5, 9), 3)]),
            "items": draw.choice([None, draw.randint(-3, 9)]),
            "kind": draw.choice(["x", "y", None]),
        }
        for number in range(60)
    ]
    project = project_of(tmp_path, rows, declared(refresh, delay))
    questions = [(shop, at(draw.uniform(-31, 80))) for shop in ("a", "b", "c", "nobody") for _ in range(25)]
    assert_equal_cells(project, built(project, at(100)), rows, questions)


def row(id, hours, seen=None, amount=1.0, shop="a", items=1, kind="x", **more):
    event = at(hours, **more)
    known = event if seen is None else at(seen)
    return {"id": id, "shop": shop, "at": event, "seen": known, "amount": amount, "items": items, "kind": kind}


def one_table(how, windows, **more):
    feature = {**how, "windows": windows}
    return {
        "entity": "shop",
        "source": "sales",
        "refresh": "1h",
        "publish_delay": "0s",
        "features": {"f": feature},
    } | more


def value_at(project, artifact, shop, instant):
    return next(iter(value for name, value in answers(project, artifact, [(shop, instant)])[0].items() if "." in name))


def test_a_row_at_the_window_s_open_end_is_outside_and_at_its_closed_end_inside(tmp_path):
    # Window (tick - 2h, tick]: the event at 1:00 is in it at 1:00 and 2:00, and out at 3:00.
    project = project_of(tmp_path, [row("r", 1)], one_table({"count": True}, ["2h"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (0, 1, 2, 3)] == [0, 1, 1, 0]


def test_a_row_one_microsecond_after_a_tick_waits_for_the_next(tmp_path):
    project = project_of(tmp_path, [row("r", 1, microseconds=1)], one_table({"count": True}, ["ever"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 1.9, 2)] == [0, 0, 1]


def test_a_row_counts_from_when_it_is_known_not_from_when_it_happened(tmp_path):
    project = project_of(tmp_path, [row("r", 1, seen=4)], one_table({"count": True}, ["ever"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 3, 4)] == [0, 0, 1]


def test_a_row_that_is_known_only_after_the_window_passed_it_never_counts(tmp_path):
    project = project_of(tmp_path, [row("r", 1, seen=4), row("s", 5)], one_table({"count": True}, ["2h"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (3, 4, 5)] == [0, 0, 1]


def test_publish_delay_moves_the_tick_that_can_be_read(tmp_path):
    table = one_table({"count": True}, ["ever"], publish_delay="10m")
    project = project_of(tmp_path, [row("r", 1)], table)
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 1.1, 7 / 6)] == [0, 0, 1]


def test_a_correction_replaces_its_row_from_when_it_is_known(tmp_path):
    rows = [row("r", 1, amount=10.0), row("r", 1, seen=3, amount=4.0)]
    project = project_of(tmp_path, rows, one_table({"sum": "amount"}, ["ever"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 2, 3, 8)] == [10.0, 10.0, 4.0, 4.0]


def test_rows_that_are_known_ahead_are_read_forward(tmp_path):
    # Window (tick, tick + 2h]: the event at 4:00, known since -1:00, is ahead at 2:00 and 3:00.
    project = project_of(tmp_path, [row("r", 4, seen=-1)], one_table({"count": True}, [["0h", "2h"]]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 2, 3, 4)] == [0, 1, 1, 0]


def test_an_empty_window_has_count_0_sum_0_no_row_and_nothing_else(tmp_path):
    project = project_of(tmp_path, [row("r", 1)], declared(windows=["1h"]))
    answered = answers(project, built(project, at(9)), [("a", at(8)), ("nobody", at(1)), (None, at(1))])
    for cells in answered:
        values = {name: value for name, value in cells.items() if "." in name}
        assert (values.pop("recent.some_1h"), values.pop("recent.no_one_1h")) == (False, True)
        zero = {name for name, value in values.items() if value == 0}
        assert zero == {"recent.rows_1h", "recent.big_1h", "recent.total_1h", "recent.pieces_1h"}
        assert all(value is None for name, value in values.items() if name not in zero)


def test_sums_are_exact_where_floats_are_not(tmp_path):
    # Added one by one, 0.1 + 0.2 - 0.3 leaves 5.6e-17 and not 2.8e-17; and what enters would never quite leave again.
    rows = [row("r", 1, amount=0.1), row("s", 1, amount=0.2), row("t", 1, amount=-0.3)]
    project = project_of(tmp_path, rows, one_table({"sum": "amount"}, ["2h"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 3)] == [math.fsum([0.1, 0.2, -0.3]), 0.0]


def test_days_are_24_hours_also_when_clocks_change(tmp_path):
    # New York's clocks went forward on 10 March 2013; 7d and ticks do not care. Event at 01:30 EST = 06:30 UTC.
    write_csv(tmp_path / "data/sales.csv", ["id", "shop", "at", "seen"], [["r", "a", "2013-03-10T01:30:00", ""]])
    source = {
        **SALES,
        "reader": {"csv": "data/sales.csv"},
        "known_at": {"delay": "0s"},
        "columns": {"id": "string", "shop": "string", "at": {"type": "timestamp", "zone": "America/New_York"}},
    }
    project = write_project(
        tmp_path, sources={"sales": source}, features={"recent": one_table({"count": True}, ["1d"])}
    )
    artifact = built(project, at(0))
    first = at(0).replace(year=2013, month=3, day=10, hour=6)
    hours = (0, 1, 24, 25)
    assert [value_at(project, artifact, "a", first + timedelta(hours=hour)) for hour in hours] == [0, 1, 1, 0]


def test_a_value_that_is_too_large_for_exact_sums_is_a_clear_error(tmp_path):
    rows = [row("r", 1, amount=1e44), row("s", 2, amount=1e44)]
    project = project_of(tmp_path, rows, one_table({"std": "amount"}, ["3h"]))
    with pytest.raises(FeatureError, match="feature table recent: a value is too large for exact sums"):
        built(project, at(9))


def test_rows_in_another_order_and_other_threads_give_the_same_id(tmp_path):
    draw = random.Random(5)
    rows = [row(f"r{n}", draw.uniform(0, 40), amount=draw.uniform(-9, 9), shop=draw.choice("abc")) for n in range(200)]
    ids = set()
    for number, threads in enumerate((1, 2, 4)):
        draw.shuffle(rows)
        project = project_of(tmp_path / str(number), rows, declared(windows=["1h", "ever"]), threads=threads)
        ids.add(built(project, at(60)).id)
    assert len(ids) == 1


def test_the_same_source_and_declaration_give_the_table_that_is_there(tmp_path):
    project = project_of(tmp_path, [row("r", 1)], one_table({"count": True}, ["1h"]))
    source = ingest_source(project, "sales", at(9)).made.artifact.id
    assert not build_feature_table(project, "recent", source).reused
    assert build_feature_table(project, "recent", source).reused


def test_new_rows_are_new_chunks_and_the_others_stay_the_same_objects(tmp_path):
    rows = [row("r", 0), row("s", 24 * 40)]
    project = project_of(tmp_path, rows, one_table({"count": True}, ["1d"]))
    first = built(project, at(24 * 41))
    header, written = list(COLUMNS), [*rows, row("t", 24 * 42)]
    write_csv(tmp_path / "data/sales.csv", header, [[text(item[name]) for name in header] for item in written])
    second = built(project, at(24 * 43))
    assert first.id != second.id
    assert [chunk["name"] for chunk in first.about["chunks"]] == ["000001/2024-05", "000001/2024-06"]
    assert second.about["chunks"][:2] == first.about["chunks"]
    assert [chunk["name"] for chunk in second.about["chunks"][2:]] == ["000002/2024-06"]


def test_values_change_at_the_ticks_at_which_rows_came_in(tmp_path):
    rows = [row("r", 3, shop="b"), row("s", 1), row("t", 2)]
    project = project_of(tmp_path, rows, one_table({"count": True}, ["ever"]))
    artifact = built(project, at(9))
    assert sample_values(project, "recent", artifact.id).to_pydict() == {
        "shop": ["a", "a", "b"],
        "tick": [at(1), at(2), at(3)],
        "f_ever": [1, 2, 1],
    }
    assert newest_values(project, "recent", artifact.id, rows=1).to_pylist() == [
        {"shop": "b", "tick": at(3), "f_ever": 1}
    ]
    assert artifact.about["rows"] == 3
    assert artifact.about["columns"] == {"f_ever": "int"}
    assert artifact.about["known"] == ["2024-05-01T01:00:00.000000Z", "2024-05-01T03:00:00.000000Z"]


def test_a_table_without_a_single_row_answers_all_the_same(tmp_path):
    table = one_table({"count": True}, ["1d"], where="amount > 100")
    project = project_of(tmp_path, [row("r", 1)], table)
    artifact = built(project, at(9))
    assert artifact.about["rows"] == 0
    assert value_at(project, artifact, "a", at(2)) == 0


@pytest.mark.parametrize("sentinel", ["9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+00:00"])
def test_a_row_of_the_end_of_time_counts_where_its_window_has_it_and_values_can_be_sampled(tmp_path, sentinel):
    last = datetime.fromisoformat(sentinel)
    table = one_table({"count": True}, ["ever", "7d"])
    project = project_of(tmp_path, [row("a", 1), row("b", 2, seen=2) | {"at": last}], table)
    artifact = built(project, at(9))
    [answered] = answers(project, artifact, [("a", at(5))])
    assert (answered["recent.f_ever"], answered["recent.f_7d"]) == (1 + (last < at(5)), 1)
    for values in (sample_values(project, "recent", artifact.id, 50), newest_values(project, "recent", artifact.id)):
        assert all(tick.year <= 9999 for tick in values["tick"].to_pylist())
