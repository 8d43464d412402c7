"""Feature tables against loops, cell by cell; and which of their chunks stay as they are."""

import os
import random
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ml_platform.features.build import build_feature_table
from ml_platform.features.sample import newest_values, sample_values
from ml_platform.sources.ingest import ingest_source
from tests.features import oracle
from tests.features.feature_tables import (
    COLUMNS,
    MOMENTS,
    ROW,
    answers,
    built,
    declared,
    expected,
    one_table,
    project_of,
    row,
    same,
    value_at,
)
from tests.features.world import at, text, write_csv

pytestmark = pytest.mark.usefixtures("each_engine")


def assert_equal_cells(project, artifact, rows, questions):
    spec = project.spec.feature_tables["recent"]
    of_tick = cache(lambda shop, tick: expected(rows, shop, tick))
    for (shop, instant), answered in zip(questions, answers(project, artifact, questions), strict=True):
        for column, value in of_tick(shop, oracle.tick_at(instant, spec.refresh, spec.publish_delay)).items():
            assert same(answered[column], value, column), (column, shop, instant, answered[column], value)


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
