"""Order of rows, layout of files, threads and the size of chunks change no id; a day more stores about a day more."""

import random
import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.declarations.user_code.version import code_version
from ml_platform.sources import log_writer as append
from ml_platform.sources.ingest import ingest_source
from tests.datasets.snapshot.hourly_orders import (
    AS_OF,
    COLUMNS,
    MODEL,
    RECENT,
    ingested,
    project_of,
    snapshot_of,
    world,
)
from tests.features.world import at, write_csv, write_project

NEGATIVE = {"label": MODEL["label"] | {"missing": "negative"}}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return snapshot_of(project_of(tmp_path_factory.mktemp("plain"), *world(160)), AS_OF)


def in_files(directory, tables, files, threads):
    """The same project, with the rows of each source dealt to several files."""
    for name, rows in tables.items():
        for number in range(files):
            write_csv(directory / f"data/{name}/{number}.csv", list(COLUMNS[name]), rows[number::files])
    known = {"key": ["id"], "event_timestamp": "at", "known_at": {"column": "seen"}}
    return write_project(
        directory,
        sources={n: {"reader": {"csv": f"data/{n}/*.csv"}, **known, "columns": c} for n, c in COLUMNS.items()},
        features={"recent": RECENT},
        models={"dear": MODEL},
        entities={"order": ["id"], "shop": ["shop"]},
        threads=threads,
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    files=st.integers(1, 5),
    threads=st.sampled_from([1, 2]),
    chunk_bytes=st.sampled_from([200, 3_000, 10**8]),
)
def test_order_files_threads_and_chunk_sizes_change_no_id(
    tmp_path_factory, monkeypatch, plain, seed, files, threads, chunk_bytes
):
    tables = dict(zip(COLUMNS, world(160), strict=True))
    for rows in tables.values():
        random.Random(seed).shuffle(rows)
    whole: Any = append.append_rows
    monkeypatch.setattr("ml_platform.sources.ingest.append_rows", lambda *words: whole(*words, chunk_bytes))
    project = in_files(tmp_path_factory.mktemp("dealt"), tables, files, threads)
    assert snapshot_of(project, AS_OF).id == plain.id


def test_what_decided_and_the_code_are_recorded_and_take_no_part_in_the_id(tmp_path, plain):
    assert plain.about["declared"]["label"] == {"source": "sales", "expression": "amount > 5", "horizon": "6h",
                                                "missing": "drop"}  # fmt: skip
    assert plain.about["declared"]["tables"]["recent"]["table"]["refresh"] == "1h"
    assert plain.about["code"] == f"{code_version('snapshot')} {code_version('feature_table')}"
    project = project_of(tmp_path, *world(160), description="Told in other words.", owner="team:other")
    assert snapshot_of(project, AS_OF).about["declared"] == plain.about["declared"]


def test_the_manifest_lists_each_day_with_its_id_and_rows(plain):
    rows = sum(plain.about["rows"].values()) + plain.about["dropped"]["purged"]
    assert [day for day, _, _ in plain.about["chunks"]] == sorted(plain.objects)
    assert sum(count for _, _, count in plain.about["chunks"]) == rows


def object_bytes(project):
    return {path.name: path.stat().st_size for path in (project.state / "store/objects").rglob("*") if path.is_file()}


def daily(project, as_of):
    ids = ingested(project, at(as_of))
    before = object_bytes(project)
    made = build_snapshot(project, "dear", ids, at(as_of)).artifact
    new = {name: size for name, size in object_bytes(project).items() if name not in before}
    return made, sum(new.values())


def dense(days, an_hour):
    """Several orders an hour, and their sales three hours later."""
    draw = random.Random(4)
    orders, sales = [], []
    for number in range(days * 24 * an_hour):
        hour, shop = number // an_hour, draw.choice("abcdef")
        orders.append([f"o{number:06d}", shop, at(hour), at(hour - 8), draw.randint(0, 99)])
        sales.append([f"o{number:06d}", shop, at(hour + 2), at(hour + 3), round(draw.uniform(0, 10), 2)])
    return orders, sales


def test_the_next_day_s_snapshot_of_a_year_stores_about_a_day_more(tmp_path):
    orders, sales = dense(369, 3)
    split = {"train": "300d", "validate": "30d", "test": "30d"}
    project = project_of(tmp_path, orders, sales, split=split)
    first, whole = daily(project, 24 * 365 + 6)
    # Meanwhile labels settle, a sale of long ago is corrected, another arrives late.
    corrected = [[*row[:4], 99.0] if row[0] == "o000200" else row for row in sales] + [["late", "a", at(30), at(31), 1]]
    project = project_of(tmp_path, orders, corrected, split=split)
    second, added = daily(project, 24 * 366 + 6)
    assert first.id != second.id
    assert second.about["days"] == first.about["days"] == 361  # the first of them holds one batch run
    edges = {min(first.objects), min(second.objects), max(first.objects), max(second.objects)}
    differing = {day for day in {*first.objects, *second.objects} if first.objects.get(day) != second.objects.get(day)}
    assert differing <= edges, "nothing but a day, and the days that the ends cut"
    assert added < 3 * whole / 361
    assert added < 0.01 * whole


def test_between_two_batch_runs_of_one_day_only_the_first_and_last_day_differ(tmp_path):
    project = project_of(tmp_path, *world(200), **NEGATIVE)
    ids = ingested(project, at(199))
    one, two = (build_snapshot(project, "dear", ids, at(as_of)).artifact for as_of in (AS_OF, AS_OF + 5))
    differing = [day for day in {*one.objects, *two.objects} if one.objects.get(day) != two.objects.get(day)]
    assert sorted(differing) == [min(one.objects), max(two.objects)]


def test_a_log_that_is_rewritten_in_other_chunks_gives_the_same_snapshot(tmp_path, plain):
    orders, sales = world(160)
    project = project_of(tmp_path, orders, sales)
    for now in (40, 90):
        project = project_of(tmp_path, [r for r in orders if r[3] <= at(now)], [r for r in sales if r[3] <= at(now)])
        for name in COLUMNS:
            ingest_source(project, name, at(now))
    shutil.rmtree(project.state / "store/keys")
    assert snapshot_of(project_of(tmp_path, orders[::-1], sales[::-1]), AS_OF).id == plain.id
