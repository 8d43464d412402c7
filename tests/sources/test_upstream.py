"""Rows that a source no longer has, and rows that wait to be known, are kept, counted and reported."""

import json
import random

import pytest

from ml_platform.reporting.catalog.sources import source_facts
from ml_platform.reporting.status import project_status
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.upstream import Upstream, read_upstream
from ml_platform.storage.outputs import record_output
from tests.features.world import SALES, at, sale, sales_project, write_csv, write_project
from tests.sources.test_read_changed import DAYS, put

HEADER = list(SALES["columns"])


def rewrite(project, rows):
    write_csv(project.root / "data/sales.csv", HEADER, rows)


def upstream_at(project, hour):
    return ingest_source(project, "sales", at(hour)).upstream


def test_keys_that_a_file_no_longer_has_are_counted_until_they_are_back(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2), sale("z", 3)])
    assert upstream_at(project, 4) == Upstream(limit="366d")
    rewrite(project, [sale("x", 1), sale("new", 4)])
    upstream = upstream_at(project, 5)
    assert (upstream.missing.rows, upstream.missing.since) == (2, "2024-05-01T05:00:00.000000Z")
    rewrite(project, [sale("new", 4)])
    upstream = upstream_at(project, 6)
    assert (upstream.missing.rows, upstream.missing.since) == (3, "2024-05-01T05:00:00.000000Z")
    assert upstream.notes()[-1] == (
        "the source no longer has 3 keys of earlier rows. Their rows are kept (since 2024-05-01 05:00)"
    )
    assert upstream_at(project, 7).missing.rows == 3  # nothing was read, and nothing has changed
    rewrite(project, [sale("x", 1), sale("y", 2), sale("z", 3), sale("new", 4)])
    assert not upstream_at(project, 8).missing.any


def test_corrections_and_declared_versions_are_not_missing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, seen=1), sale("x", 1, seen=2, amount=2.0), sale("y", 2)])
    upstream_at(project, 4)
    rewrite(project, [sale("x", 1, amount=5.0), sale("y", 2, amount=6.0)])
    assert not upstream_at(project, 5).missing.any
    rewrite(project, [sale("y", 2, amount=6.0)])
    assert upstream_at(project, 6).missing.rows == 1


def test_a_row_that_was_dated_later_is_not_missing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2)])
    upstream_at(project, 4)
    rewrite(project, [sale("x", 1), sale("y", 2, seen=50)])
    upstream = upstream_at(project, 5)
    assert (upstream.missing.rows, upstream.waiting, upstream.until) == (0, 1, "2024-05-03T02:00:00.000000Z")


def test_files_that_are_gone_are_named_with_their_rows(tmp_path):
    for name, ids in (("1", "ab"), ("2", "c"), ("3", "d")):
        put(tmp_path, name, [sale(id, 1) for id in ids])
    project = write_project(tmp_path, sources={"sales": DAYS})
    assert not upstream_at(project, 4).gone.any
    kept = (tmp_path / "data/1.csv").read_bytes()
    (tmp_path / "data/1.csv").unlink()
    (tmp_path / "data/2.csv").unlink()
    upstream = upstream_at(project, 5)
    assert (upstream.gone.files, upstream.gone.rows) == (2, 3)
    assert upstream_at(project, 6).notes() == (
        "2 files that were read before are gone (data/1.csv, data/2.csv; 3 rows). "
        "Their rows are kept (since 2024-05-01 05:00)",
    )
    (tmp_path / "data/1.csv").write_bytes(kept)
    (tmp_path / "data/2.csv").write_bytes(kept.replace(b"a,a,", b"c,a,").replace(b"b,a,", b"e,a,"))
    assert not upstream_at(project, 7).gone.any


def test_a_file_that_has_fewer_rows_than_before_is_named(tmp_path):
    put(tmp_path, "1", [sale("a", 1), sale("b", 1), sale("c", 1)])
    put(tmp_path, "2", [sale("d", 1)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    upstream_at(project, 4)
    put(tmp_path, "1", [sale("a", 1)])
    assert upstream_at(project, 5).notes() == (
        "1 file no longer has 2 rows of before (data/1.csv). Their rows are kept (since 2024-05-01 05:00)",
    )


def rows_of(*ids, **more):
    return [sale(id, 1, **more) for id in ids]


@pytest.mark.parametrize(
    ("files", "lost"),
    [
        ([{"1": "abcd", "2": "e"}, {"1": "abxd"}], 1),  # as many rows as before
        ([{"1": "abcd", "2": "e"}, {"1": "abxyz"}], 2),  # more rows than before
        ([{"1": "abcd", "2": "e"}, {"1": "abcdxyz"}], 0),
        ([{"1": "abcd", "2": "e"}, {"1": "wxyz"}], 4),
        ([{"1": "abcd", "2": "e"}, {"1": "abxd"}, {"1": "abyd"}], 2),
        ([{"1": "abcd", "2": "e"}, {"1": "abxd"}, {"1": "abxdc"}], 0),  # all are back
        ([{"1": "abcd", "2": "e"}, {"1": "cdxy", "3": "ab"}], 0),  # two moved to a new file
        ([{"1": "abcd", "2": "e"}, {"1": "dxyz", "3": "ab"}], 1),
        ([{"1": "abcd", "2": "e"}, {"1": "abxd", "2": "e"}], 1),
        ([{"1": "abcd", "2": "efg"}, {"1": "abce"}], 1),  # e of the other file takes the place of d
        ([{"1": "abcd", "2": "efg"}, {"1": "aefg"}, {"1": "aefgb"}], 2),
    ],
)
def test_keys_that_a_file_lost_are_counted_also_where_others_took_their_place(tmp_path, files, lost):
    project = None
    for hour, written in enumerate(files, 4):
        for name, ids in written.items():
            put(tmp_path, name, rows_of(*ids))
        project = project or write_project(tmp_path, sources={"sales": DAYS})
        upstream = upstream_at(project, hour)
    assert upstream.fewer.rows == lost
    assert upstream.fewer.names == (("data/1.csv",) if lost else ())


def test_rows_that_waited_are_not_new_and_corrected_ones_are_not_lost(tmp_path):
    put(tmp_path, "1", [sale("a", 1), sale("b", 1), sale("w", 1, seen=5)])
    put(tmp_path, "2", rows_of("e"))
    project = write_project(tmp_path, sources={"sales": DAYS})
    upstream_at(project, 4)
    put(tmp_path, "1", [sale("a", 1, amount=9.0), sale("b", 1), sale("w", 1, seen=5)])
    assert upstream_at(project, 6) == Upstream(limit="366d")
    put(tmp_path, "3", rows_of("a", amount=7.0))
    put(tmp_path, "1", [sale("x", 1), sale("b", 1), sale("w", 1, seen=5)])
    assert upstream_at(project, 7).fewer.rows == 1  # a correction of a in a new file is not its row of before


def test_a_row_that_waits_and_disappears_is_not_lost_and_is_counted_once_when_it_is_back(tmp_path):
    put(tmp_path, "2", rows_of("e"))
    put(tmp_path, "1", [sale("a", 1), sale("w", 1, seen=9)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    upstream_at(project, 4)
    put(tmp_path, "1", [sale("a", 1)])
    assert upstream_at(project, 5) == Upstream(limit="366d")  # the log never had it
    put(tmp_path, "1", [sale("a", 1), sale("w", 1, seen=9)])
    upstream = upstream_at(project, 6)
    assert (upstream.fewer.rows, upstream.waiting) == (0, 1)
    assert upstream_at(project, 10) == Upstream(limit="366d")
    put(tmp_path, "1", [sale("a", 1)])
    assert upstream_at(project, 11).fewer.rows == 1  # now the log has it


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_rows_that_a_file_lost_are_those_of_a_count_by_keys(tmp_path, seed):
    draw, ids = random.Random(seed), iter(range(1000))
    here = {f"r{next(ids)}": draw.choice([3, 3, 6, 12]) for _ in range(4)}
    away, ingested, project = {}, set(), None
    put(tmp_path, "2", rows_of("e"))
    for hour in range(4, 11):
        put(tmp_path, "1", [sale(id, 1, seen=seen) for id, seen in here.items()])
        project = project or write_project(tmp_path, sources={"sales": DAYS})
        ingested |= {id for id, seen in here.items() if seen <= hour}
        assert upstream_at(project, hour).fewer.rows == len(ingested - set(here))
        for id in draw.sample(sorted(here), min(2, len(here) - 1)):
            away[id] = here.pop(id)
        for id in draw.sample(sorted(away), 1):
            here[id] = away.pop(id)
        here |= {f"r{next(ids)}": hour + draw.choice([0, 3]) for _ in range(draw.randint(0, 2))}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_the_rows_that_a_file_lost_are_counted_also_beside_versions_that_wait(tmp_path, seed):
    draw, ids = random.Random(seed), iter(range(1000))
    here = {f"r{next(ids)}": [3.0] for _ in range(5)}  # of each id, when each of its versions becomes known
    away, ingested, project = {}, set(), None
    put(tmp_path, "2", rows_of("e"))
    for hour in range(4, 14):
        rows = [sale(id, 1, seen=seen, amount=float(seen)) for id, versions in here.items() for seen in versions]
        put(tmp_path, "1", rows if draw.random() < 0.5 else draw.sample(rows, len(rows)))
        project = project or write_project(tmp_path, sources={"sales": DAYS})
        ingested |= {id for id, versions in here.items() if min(versions) <= hour}
        upstream = upstream_at(project, hour)
        assert upstream.fewer.rows == len(ingested - set(here))
        assert upstream.waiting == sum(seen > hour for versions in here.values() for seen in versions)
        for id in draw.sample(sorted(here), draw.choice([0, 0, 1, 2])):
            away[id] = here.pop(id)
        for id in draw.sample(sorted(away), min(len(away), draw.choice([0, 0, 1]))):
            here[id] = away.pop(id)
        for id in draw.sample(sorted(here), min(2, len(here))):  # a version that is known by the next ingest, or later
            here[id] = sorted({*here[id], hour + draw.choice([0.5, 2, 4])})
        here |= {f"r{next(ids)}": [hour + draw.choice([0, 3])] for _ in range(draw.randint(0, 2))}


@pytest.mark.parametrize(("clock", "seen", "far"), [("wall", 30, 1), ("wall", 26, 0), (None, 30, 0), (None, 8790, 1)])
def test_rows_that_are_known_far_ahead_are_noted(tmp_path, clock, seen, far):
    # Known 2 h after the ingest and `seen` hours: beyond a day on the wall clock, beyond 366 on a simulated one.
    write_csv(tmp_path / "data/sales.csv", HEADER, [sale("x", 1), sale("y", 2, seen=6), sale("z", 2, seen=seen)])
    source = {"reader": {"csv": "data/sales.csv"}, **SALES}
    project = write_project(tmp_path, sources={"sales": source}, **({"clock": clock} if clock else {}))
    upstream = upstream_at(project, 4)
    assert (upstream.waiting, upstream.far.rows) == (2, far)
    later = upstream_at(project, 5)
    assert later.far.since == ("2024-05-01T04:00:00.000000Z" if far else None)
    assert len(later.notes()) == far


def test_a_row_of_2099_is_reported_in_the_status_and_the_catalog(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 24 * 27400)])
    artifact = ingest_source(project, "sales", at(4)).made.artifact
    record_output(project.database, "sources/sales", "source", artifact.id, run="r", at=at(4))
    note = "1 row becomes known more than 366d after this ingest, the last at 2099-05-08 (since 2024-05-01 04:00)"
    [source] = project_status(project, at(5)).sources
    assert source.notes == (note,)
    assert json.loads(json.dumps(project_status(project, at(5)).as_json()))["sources"][0]["upstream"]["waiting"] == 1
    facts = source_facts(project, "sales")
    assert (facts.waiting, facts.notes) == ((1, "2099-05-08 00:00"), (note,))


def test_a_function_that_gives_fewer_rows_is_no_file(tmp_path):
    (tmp_path / "rows.txt").write_text("3")
    (tmp_path / "feed.py").write_text(
        "import pathlib, pandas as pd\n"
        "def rows():\n"
        "    count = int((pathlib.Path(__file__).parent / 'rows.txt').read_text())\n"
        "    at = pd.Timestamp('2024-05-01', tz='UTC')\n"
        "    return pd.DataFrame([[str(n), 'a', at, at, 1.0] for n in range(count)],\n"
        "        columns=['id', 'shop', 'at', 'seen', 'amount'])\n"
    )
    project = write_project(tmp_path, sources={"sales": {"reader": {"python": "feed:rows"}, **SALES}})
    upstream_at(project, 4)
    (tmp_path / "rows.txt").write_text("1")
    assert upstream_at(project, 5).notes() == (
        "the source no longer has 2 keys of earlier rows. Their rows are kept (since 2024-05-01 05:00)",
    )


def test_what_is_stored_comes_back():
    assert read_upstream("{}") == Upstream()
    assert read_upstream(Upstream(waiting=3).as_text()) == Upstream(waiting=3)
