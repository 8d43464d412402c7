"""A publication that computes some records again leaves what computing all of them leaves, record by record."""

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.operations.online import records
from ml_platform.operations.online.changes import changed_keys
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.storage.online.lmdb_store import LmdbStore
from ml_platform.storage.redirects import successor
from tests.features.world import at, write_csv, write_project
from tests.operations.online import worlds
from tests.operations.online.worlds import BY_ROWS, BY_TICKS, COLUMNS, ENTITIES, content_of, inputs_of, random_rows

SEEDS = range(8 if os.environ.get("ML_PLATFORM_PROVE") else 1)  # most of a minute each
RECENT = worlds.FEATURES["shop_recent"]
STEADY = {name: feature for name, feature in RECENT["features"].items() if name != "since"}
MORE = {
    "ahead": {"count": True, "windows": [["0h", "2h"], ["-3h", "-1h"]]},
    "all": {"sum": "amount", "windows": ["ever"]},
    "at_last": {"as_of": "paid"},
}
FEATURES = worlds.FEATURES | {"shop_recent": {**RECENT, "features": STEADY | MORE}}
FIRST = {
    "orders": ["o", "a", 1, at(-5), at(-5), 0.5, 1, True],
    "sales": ["s", "a", at(-5), at(-5), 0.5, 1, "x", True],
    "profiles": ["p", 1, at(-5), at(-5), "north"],
    "weather": ["w", "north", at(-5), at(-5), 0.5],
}
"""A row of each source that is there from the beginning."""
SEEN = {name: list(columns).index("seen") for name, columns in COLUMNS.items()}


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """Tables without an aggregate that reads the tick."""
    monkeypatch.setattr(worlds, "FEATURES", FEATURES)


@pytest.fixture
def counted(monkeypatch):
    """How many entities each publication computed, by kind and time; None where it was all of them."""
    seen = []

    def spied(*arguments):
        changed = changed_keys(*arguments)
        seen.append(None if changed is None else len(changed))
        return changed

    monkeypatch.setattr(records, "changed_keys", spied)
    return seen


def declared(directory, features=None, **file):
    """A project whose sales are deleted by rows of kind ``y``; its files have no rows yet."""
    sources = {
        name: {
            "reader": {"csv": f"data/{name}.csv"},
            "key": ["id"],
            "event_timestamp": "placed" if name == "orders" else "at",
            "known_at": {"column": "seen"},
            "columns": columns,
        }
        for name, columns in COLUMNS.items()
    }
    sources["sales"]["deletes"] = "kind == 'y'"
    models = {"by_rows": BY_ROWS, "by_ticks": BY_TICKS}
    return write_project(
        directory, sources=sources, features=features or FEATURES, models=models, entities=ENTITIES, **file
    )


def arrivals(draw, seed):
    """Rows by source, each with when it is in the file: when it is known, or hours after that."""
    rows = random_rows(seed)
    return {
        name: [(row[SEEN[name]] + draw.choice([0, 0, 0, 9]) * timedelta(hours=1), row) for row in rows[name]]
        for name in COLUMNS
    }


def read_at(directory, project, arriving, now):
    """Write what is in the files at a moment, and return the ids of what is made of it."""
    for name, columns in COLUMNS.items():
        write_csv(directory / f"data/{name}.csv", list(columns), [FIRST[name], *_until(arriving[name], now)])
    return inputs_of(project, now)


def _until(arriving, now):
    return [row for when, row in arriving if when <= now]


def assert_as_if_all_were_computed(directory, project, inputs, now):
    """Compare what is published with a store that was empty before."""
    published = publish_online(project, inputs, now)
    full = LmdbStore(directory / f"full_{now:%d_%H%M%S}_{random.random()}")
    publish_online(project, inputs, now, full)
    (mine, described), (theirs, expected) = content_of(online_store(project)), content_of(full)
    full.close()
    assert mine == theirs
    assert described.records == expected.records
    assert [(table.name, table.tick, table.entities) for table in described.tables.values()] == [
        (table.name, table.tick, table.entities) for table in expected.tables.values()
    ]
    assert {name: rows.entities for name, rows in described.rows.items()} == {
        name: rows.entities for name, rows in expected.rows.items()
    }
    return published


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_records_are_those_of_a_full_computation_as_rows_come_late_are_corrected_and_deleted(tmp_path, seed, counted):
    """Windows fill and empty, rows come after they are known, and nothing comes from 45:00 on."""
    draw = random.Random(seed)
    project, arriving = declared(tmp_path), arrivals(draw, seed)
    hours = 0.0
    while hours < 70:
        hours += draw.choice([0.5, 1, 1, 6, 14])
        inputs = read_at(tmp_path, project, arriving, at(hours))
        assert_as_if_all_were_computed(tmp_path, project, inputs, at(hours))
    some = [count for count in counted if count is not None]
    assert len(some) > len(counted) / 4, "hardly any publication computed some entities only"


def test_an_hour_computes_only_entities_with_rows_that_enter_or_leave_a_window(tmp_path, counted):
    """At 9:00 the rows of 2:30 left the windows of 6 hours and of -3 to -1 hours long ago; d has its row of 8:30."""
    project = declared(tmp_path)
    sales = [[f"r{n}", shop, at(2.5), at(2.5), 1.0, 3, "x", True] for n, shop in enumerate("abc")]
    arriving: dict[str, list[Any]] = {name: [] for name in COLUMNS} | {"sales": [(at(2.5), row) for row in sales]}
    assert_as_if_all_were_computed(tmp_path, project, read_at(tmp_path, project, arriving, at(9)), at(9.5))
    arriving["sales"].append((at(9.5), ["r9", "d", at(9.5), at(9.5), 1.0, 3, "x", True]))
    counted.clear()
    published = assert_as_if_all_were_computed(
        tmp_path, project, read_at(tmp_path, project, arriving, at(10)), at(10.5)
    )
    assert sorted(count for count in counted if count is not None) == [0, 0, 0, 1]  # customers, orders, regions, shops
    assert (published.changed, published.removed) == (4, 0)  # and a, b and c are not in the population of 10:00


@pytest.mark.parametrize("change", ["where", "feature", "reads the tick"])
def test_another_declaration_makes_the_next_publication_compute_all_records(tmp_path, change, counted, monkeypatch):
    draw = random.Random(3)
    project, arriving = declared(tmp_path), arrivals(draw, 3)
    assert_as_if_all_were_computed(tmp_path, project, read_at(tmp_path, project, arriving, at(20)), at(20))
    changed = {
        "where": {"shop_slow": FEATURES["shop_slow"] | {"where": "pieces > 1"}},
        "feature": {"shop_slow": FEATURES["shop_slow"] | {"features": {"large": {"count": True, "windows": ["1d"]}}}},
        "reads the tick": {"shop_recent": RECENT},
    }[change]
    monkeypatch.setattr(worlds, "FEATURES", FEATURES | changed)
    project = declared(tmp_path, FEATURES | changed)
    for hours in (21, 22):
        counted.clear()
        assert_as_if_all_were_computed(tmp_path, project, read_at(tmp_path, project, arriving, at(hours)), at(hours))
        some = sum(count is not None for count in counted)
        assert some == (3 if hours == 21 or change == "reads the tick" else 4)


def test_an_erasure_makes_the_next_publication_compute_all_records(tmp_path, counted):
    """Customer 777 is erased between two hours; shop a sold to nobody else at 18:00."""
    draw = random.Random(4)
    project, arriving = declared(tmp_path), arrivals(draw, 4)
    arriving["orders"] += [(at(18), [f"person-{n}", "a", 777, at(18), at(18), 0.5, 3, True]) for n in range(3)]
    arriving["profiles"].append((at(1), ["p777", 777, at(1), at(1), "north"]))
    for hours in (18.5, 19.5):
        inputs = read_at(tmp_path, project, arriving, at(hours))
        assert_as_if_all_were_computed(tmp_path, project, inputs, at(hours))
    person = Person.of(project, "customer", {"customer": "777"})
    erase(project, person, plan_erasure(project, person, at(20)).id, at(20), actor="ada", reason="asked for by letter")
    rest = {
        node: successor(project.database, "source" if node.startswith("sources") else "feature_table", id) or id
        for node, id in inputs.items()
    }
    counted.clear()
    assert_as_if_all_were_computed(tmp_path, project, rest, at(20.5))
    assert all(count is None for count in counted)
    for hours in (21.5, 26):
        counted.clear()
        inputs = read_at(tmp_path, project, arriving, at(hours))
        assert_as_if_all_were_computed(tmp_path, project, inputs, at(hours))
    assert any(count is not None for count in counted)


@pytest.mark.slow
def test_the_engine_does_not_matter(tmp_path, counted):
    draw = random.Random(5)
    project, arriving = declared(tmp_path, engine="spark"), arrivals(draw, 5)
    for hours in (10, 11, 17):
        inputs = read_at(tmp_path, project, arriving, at(hours))
        assert_as_if_all_were_computed(tmp_path, project, inputs, at(hours))
    assert any(count is not None for count in counted)
