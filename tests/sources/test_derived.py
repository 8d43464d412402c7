"""Derived sources against nested loops over the versions of their inputs, at every moment."""

import itertools
import random
from typing import Any

import pyarrow as pa
import pytest

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import NotMaterialized
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.lineage import source_lineage
from ml_platform.declarations.node_name import NodeName
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.operations.planning.planner import plan_project
from ml_platform.sources.change_detection import look_at_source
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from tests.features.world import at
from tests.sources.derived_rows import OTHER, QUERIES, TABLES, agree, ingest_all, project_of, random_rows, row, then


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("seed", range(2))
def test_a_derived_source_is_what_the_loops_give_at_every_moment(tmp_path, name, seed):
    draw = random.Random(seed)
    rows = random_rows(draw, 25, 0, 20)
    project = project_of(tmp_path, rows, QUERIES[name])
    made = ingest_all(project, 24).made.artifact
    agree(project, made, name, rows, [-1, 24, *(draw.uniform(0, 20) for _ in range(40))])


@pytest.mark.parametrize("name", ["left", "chain", "union"])
def test_a_log_that_grows_day_by_day_is_the_one_of_one_load(tmp_path, name):
    draw = random.Random(name)
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    logs = []
    for day in (10, 20, 30):
        for table, more in random_rows(draw, 10, day - 10, day).items():
            rows[table] += more
        project = project_of(tmp_path, rows, QUERIES[name])
        made = ingest_all(project, day).made.artifact
        logs.append(made)
        agree(project, made, name, rows, [day, *(draw.uniform(0, day) for _ in range(25))])
    chunks = [[chunk["id"] for chunk in log.about["chunks"]] for log in logs]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in itertools.pairwise(chunks))


def versions(project, artifact):
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["line"], "rows")).to_pylist()
    zero = (at(0) - at(0).replace(year=1970, month=1, day=1)).total_seconds() * 1e6
    intervals = [
        (item["line"], item["amount"], (item["_known"] - zero) / 3.6e9, (item["_until"] - zero) / 3.6e9)
        for item in rows
    ]
    return sorted((key, amount, known, None if until > 1e9 else until) for key, amount, known, until in intervals)


def test_a_row_of_an_outer_join_is_corrected_when_its_partner_becomes_known(tmp_path):
    rows = {"lines": [row("lines", 1, qty=2)], "products": [OTHER, row("products", 3)], "brands": [row("brands", 0)]}
    project = project_of(tmp_path, rows, QUERIES["left"])
    ingested = ingest_all(project, 2)
    assert [item["amount"] for item in then(project, ingested.made.artifact, ["line"], 2)] == [None]
    ingested = ingest_all(project, 5)
    assert (ingested.new_rows, ingested.corrections, ingested.late) == (1, 1, 0)
    assert [item["amount"] for item in then(project, ingested.made.artifact, ["line"], 2.9)] == [None]
    assert [item["amount"] for item in then(project, ingested.made.artifact, ["line"], 3)] == [1.0]


def test_a_change_of_a_column_that_the_query_does_not_read_is_no_correction(tmp_path):
    rows = {
        "lines": [row("lines", 1, qty=2)],
        "products": [row("products", 1.5), row("products", 4, brand="other")],
        "brands": [row("brands", 0)],
    }
    project = project_of(tmp_path, rows, QUERIES["join"])
    assert versions(project, ingest_all(project, 9).made.artifact) == [("l", 2.0, 1.5, None)]


def test_a_row_of_an_input_that_was_known_before_rows_of_the_log_restarts_it(tmp_path):
    rows = {"lines": [row("lines", 1, qty=2)], "products": [OTHER, row("products", 9)], "brands": [row("brands", 0)]}
    project = project_of(tmp_path, rows, QUERIES["left"])
    ingest_all(project, 4)
    rows["products"].append(row("products", 8, price=7.0))
    project = project_of(tmp_path, rows, QUERIES["left"])
    for name in ("lines", "brands"):
        ingest_source(project, name, at(8.5))
    ingest_source(project, "sold", at(8.5))  # without the products of eight o'clock
    ingest_source(project, "products", at(8.75))
    ingested = ingest_source(project, "sold", at(8.8)).made.artifact
    assert [item["amount"] for item in then(project, ingested, ["line"], 8)] == [7.0]
    assert ingest_source(project, "sold", at(8.9)).made.reused


def test_inputs_come_first_and_no_change_of_them_is_no_work(tmp_path):
    rows = {"lines": [row("lines", 1)], "products": [row("products", 1)], "brands": [row("brands", 0)]}
    project = project_of(tmp_path, rows, QUERIES["join"])
    order = [node.name for node in build_graph(project.spec)]
    places = {name: order.index(NodeName("source", name)) for name in ("sold", "lines", "products")}
    assert places["sold"] == max(places.values())
    plan = {str(node.node): node.verdict for node in plan_project(project, at(2)).nodes}
    assert plan["sources/sold"] == "would run"
    with pytest.raises(NotMaterialized):
        ingest_source(project, "sold", at(2))
    ingest_all(project, 3)
    assert look_at_source(project, "sold", at(4)).why is None
    origins = source_lineage(project.spec, project.spec.sources["sold"])
    assert origins["amount"] == (("sources/lines", "qty"), ("sources/products", "price"))
    assert origins["known_at"] == (("sources/lines", "seen"), ("sources/products", "seen"))


def test_a_feature_of_a_derived_source_sees_what_was_known_at_its_tick(tmp_path):
    rows = {
        "lines": [row("lines", 1, qty=2), row("lines", 2, line="m", qty=3)],
        "products": [row("products", 3, price=10.0), row("products", 6, price=20.0), row("products", 8, gone=True)],
        "brands": [row("brands", 0)],
    }
    table = {
        "entity": "line",
        "source": "sold",
        "refresh": "1h",
        "publish_delay": "0s",
        "features": {"f": {"sum": "amount", "windows": ["ever"]}},
    }
    project = project_of(tmp_path, rows, QUERIES["join"], features={"recent": table})
    made = ingest_all(project, 9).made.artifact
    built = build_feature_table(project, "recent", made.id).artifact
    hours = [2, 3, 5, 6, 7, 8]
    asked = pa.table({"line": ["m"] * 6, "when": pa.array([to_micros(at(hour)) for hour in hours], pa.int64())})
    with project.engine() as engine:
        columns = list(project.spec.feature_tables["recent"].columns)
        features = features_at(project, engine, built, asked, keys={"line": "line"}, instant="when", columns=columns)
    assert features.column(features.column_names[-1]).to_pylist() == [0.0, 30.0, 30.0, 60.0, 60.0, 0.0]


@pytest.mark.parametrize("name", ["left", "chain"])
def test_rows_that_become_known_later_change_nothing_of_what_was_known(tmp_path, name):
    draw = random.Random(7)
    past = random_rows(draw, 15, 0, 10)
    states = []
    for world in range(3):
        later = random_rows(random.Random(world), 10, 10, 20)
        rows = {table: past[table] + (later[table] if world else []) for table in TABLES}
        project = project_of(tmp_path / str(world), rows, QUERIES[name])
        made = ingest_all(project, 24).made.artifact
        hours = [0.5 * half for half in range(21)]
        actual = [then(project, made, ["line"], hour) for hour in hours]
        plain = [sorted(repr({k: v for k, v in item.items() if k[0] != "_"}) for item in rows_) for rows_ in actual]
        states.append(plain)
    assert states[0] == states[1] == states[2]
