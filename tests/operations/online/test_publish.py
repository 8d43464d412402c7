"""Publishing replaces all tables at once, writes what differs, never goes back, and survives a kill."""

import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from ml_platform.core.clock import to_micros
from ml_platform.operations.online import records
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.storage.outputs import record_output
from tests.features.world import at, write_csv
from tests.operations.online.worlds import BY_TICKS, COLUMNS, content_of, inputs_of, project_of, random_rows

ONLY = {"by_ticks": BY_TICKS}


def sale(id, hours, shop="a", seen=None, pieces=1):
    return [id, shop, at(hours), at(hours if seen is None else seen), 1.5, pieces, "x", True]


def sales_project(directory, sales, **file):
    return project_of(directory, random_rows(1) | {"sales": sales}, ONLY, **file)


def content(project):
    """Everything in the store: records by key, and the description."""
    return content_of(online_store(project))


@pytest.fixture
def many(tmp_path):
    return sales_project(tmp_path, [sale(f"r{n}", 1 + n / 20, f"shop{n:02d}") for n in range(40)])


def test_only_records_that_differ_are_written_and_nothing_when_nothing_happened(tmp_path):
    sales = [sale("r1", 1, "a"), sale("r2", 1, "b"), sale("r3", 9.5, "b")]
    project = sales_project(tmp_path, sales)
    inputs = inputs_of(project, at(60))
    first = publish_online(project, inputs, at(8.3))
    written = (first.outcome, first.changed, first.unchanged, first.removed)
    assert written == ("published", 4, 0, 0)  # features, and who is in the population
    published = publish_online(project, inputs, at(8.4))  # the same ticks of both tables
    assert (published.outcome, published.changed, published.bytes_written) == ("unchanged", 0, 0)
    assert published.description == first.description
    later = publish_online(project, inputs, at(10.3))  # a's windows of 6 hours were empty at 8:00 already
    assert (later.outcome, later.changed, later.unchanged) == ("published", 1, 3)
    assert later.description.generation == first.description.generation + 1


def test_entities_that_are_gone_are_removed(tmp_path):
    """b's only row is corrected at 5:00 to be about c."""
    project = sales_project(tmp_path, [sale("r1", 1, "a"), sale("r2", 1, "b"), sale("r2", 1, "c", seen=5)])
    inputs = inputs_of(project, at(60))
    publish_online(project, inputs, at(4.3))
    before, _ = content(project)
    published = publish_online(project, inputs, at(6.3))
    after, described = content(project)
    assert published.removed == 2  # of features, and of the population
    assert {key.split(b"\0")[1] for key in before} == {b"a", b"b"}
    assert {key.split(b"\0")[1] for key in after} == {b"a", b"c"}
    assert described.records["shop:string"].count == 2


def test_an_older_tick_never_replaces_a_newer_one(many):
    inputs = inputs_of(many, at(60))
    publish_online(many, inputs, at(9.3))
    before = content(many)
    assert publish_online(many, inputs, at(3.3)).outcome == "kept"
    assert content(many) == before


def test_a_source_that_was_read_before_a_tick_holds_its_tables_back(many):
    """Read at 8:30, nothing is known of the rows between 8:30 and 9:00: the tick of 9:00 is not published."""
    inputs = inputs_of(many, at(60))
    record_output(many.database, "sources/sales", "source", inputs["sources/sales"], run="r", at=at(8.5))
    held = publish_online(many, inputs, at(9.5)).description.tables
    assert {name: table.tick for name, table in held.items()} == {
        "shop_recent": to_micros(at(8)),
        "shop_slow": to_micros(at(6)),
    }
    record_output(many.database, "sources/sales", "source", inputs["sources/sales"], run="r", at=at(9.6))
    free = publish_online(many, inputs, at(9.7)).description.tables
    assert {name: table.tick for name, table in free.items()} == {
        "shop_recent": to_micros(at(9)),
        "shop_slow": to_micros(at(9)),
    }


def test_rows_that_became_known_after_the_tick_cost_no_second_computation(tmp_path, monkeypatch):
    sales = [sale("r1", 1, "a"), sale("r2", 2, "b")]
    project = sales_project(tmp_path, sales)
    publish_online(project, inputs_of(project, at(40.2)), at(40.2))
    write_csv(tmp_path / "data/sales.csv", list(COLUMNS["sales"]), [*sales, sale("r9", 40.25, "new")])
    inputs = inputs_of(project, at(40.3))
    monkeypatch.setattr(records, "features_at", None)
    assert publish_online(project, inputs, at(40.4)).outcome == "unchanged"


def test_memory_is_bounded_chunk_by_chunk_with_the_same_content(many, tmp_path, monkeypatch):
    inputs = inputs_of(many, at(60))
    publish_online(many, inputs, at(9.3))
    whole = content(many)
    online_store(many).close()
    shutil.rmtree(many.state / "online")
    monkeypatch.setattr(records, "VALUES_AT_ONCE", 100)
    publish_online(many, inputs, at(9.3))
    assert content(many) == whole


def test_the_engine_does_not_matter(tmp_path):
    """Spark answers what DuckDB answers; only strings of bytes are compared."""
    sales = random_rows(5)["sales"]
    rows = []
    for engine in ("duckdb", "spark"):
        project = sales_project(tmp_path / engine, sales, engine=engine)
        publish_online(project, inputs_of(project, at(60)), at(17.3))
        rows.append(content(project)[0])
    assert rows[0] == rows[1]


# Two at once, and killed -----------------------------------------------------

PUBLISHER = """
import json, sys
from datetime import datetime, timedelta
from ml_platform.operations.online.publish import publish_online
from ml_platform.project import open_project
directory, inputs, start, step, count = sys.argv[1:]
project = open_project(directory)
print("ready", flush=True)
for number in range(int(count)):
    now = datetime.fromisoformat(start) + number * timedelta(hours=float(step))
    print(publish_online(project, json.loads(inputs), now).outcome, flush=True)
"""


def publisher(project, inputs, start, step, count):
    import json

    arguments = [str(project.root), json.dumps(inputs), start.isoformat(), str(step), str(count)]
    command = [sys.executable, "-c", PUBLISHER, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def expected(tmp_path, sales, moments):
    """What is published at each of some moments, by a store of its own for each."""
    project = sales_project(tmp_path, sales)
    inputs, by_moment = inputs_of(project, at(60)), {}
    for moment in moments:
        publish_online(project, inputs, moment)
        by_moment[to_micros(moment)] = content(project)[0]
    return by_moment


@pytest.mark.slow
def test_two_publishers_at_once_leave_the_later_content_whole(tmp_path, many):
    inputs = inputs_of(many, at(60))
    moments = [at(1.3 + number) for number in range(6)]
    two = [publisher(many, inputs, moments[first], 2, 3) for first in (0, 1)]
    outcomes = [process.communicate()[0].split() for process in two]
    assert all(process.returncode == 0 for process in two)
    assert {outcome for item in outcomes for outcome in item} <= {"published", "kept"}
    sales = [sale(f"r{n}", 1 + n / 20, f"shop{n:02d}") for n in range(40)]
    assert content(many)[0] == expected(tmp_path / "other", sales, moments)[to_micros(moments[-1])]


def kill_publishers(tmp_path, kills, seed):
    """Kill publishers at random moments; after each the store holds what was published at its moment, whole."""
    sales = [sale(f"r{n}", 1 + n / 60, f"shop{n:03d}", pieces=n % 5) for n in range(300)]
    project = sales_project(tmp_path / "killed", sales)
    inputs, draw = inputs_of(project, at(60)), random.Random(seed)
    moments = [at(2.3) + number * timedelta(hours=1) for number in range(20)]
    whole = {0: {}} | expected(tmp_path / "whole", sales, moments)
    last = 0
    seen: set[int] = set()
    for _ in range(kills):
        process = publisher(project, inputs, at(2.3) + timedelta(hours=len(seen)), 1, 20 - len(seen))
        time.sleep(draw.uniform(0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        records, described = content(project)
        assert records == whole[described.as_of]
        assert described.as_of >= last
        last = described.as_of
        seen.add(last)
        if last == to_micros(moments[-1]):
            online_store(project).close()
            shutil.rmtree(project.state / "online")
            last, seen = 0, set()
    online_store(project).close()


@pytest.mark.slow
def test_a_publisher_that_is_killed_at_any_moment_leaves_what_was_published_before_or_after(tmp_path):
    kill_publishers(tmp_path, 6, 3)
