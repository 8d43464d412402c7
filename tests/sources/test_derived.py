"""Derived sources against nested loops over the versions of their inputs, at every moment."""

import itertools
import random
from typing import Any

import pyarrow as pa
import pytest

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import DeclarationError, DuplicateKey, NotMaterialized, SourceError
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.lineage import source_lineage
from ml_platform.declarations.node_name import NodeName
from ml_platform.features.build import build_feature_table
from ml_platform.features.point_in_time import features_at
from ml_platform.operations.planning.planner import plan_project
from ml_platform.sources.change_detection import look_at_source
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from tests.features.world import at, write_csv, write_project

LINES = {"line": "string", "sku": "string", "qty": "int", "at": "timestamp", "seen": "timestamp", "gone": "bool"}
PRODUCTS = {
    "sku": "string",
    "price": "float",
    "brand": "string",
    "at": "timestamp",
    "seen": "timestamp",
    "gone": "bool",
}
BRANDS = {"brand": "string", "country": "string", "at": "timestamp", "seen": "timestamp", "gone": "bool"}
TABLES = {"lines": LINES, "products": PRODUCTS, "brands": BRANDS}
KEYS = {"lines": ["line"], "products": ["sku"], "brands": ["brand"]}
QUERIES = {
    "join": "select line, lines.at, qty * price as amount from lines join products using (sku)",
    "left": "select line, l.at, price as amount from lines l left join products p on p.sku = l.sku where qty > 1",
    "filter": "select line, at, cast(qty as double) as amount from lines where qty <> 2",
    "chain": "select line, l.at, coalesce(price, -1.0) as amount, country from lines l "
    "left join products p using (sku) left join brands b on b.brand = p.brand and b.country <> 'x'",
    "inner_left": "select line, l.at, price as amount, country from lines l join products p using (sku) "
    "left join brands b on p.brand = b.brand",
    "union": "select line, l.at, price as amount from lines l join products p using (sku) "
    "union all select 'p' || sku, at, price from products where brand = 'b1'",
}
COLUMNS = {"line": "string", "at": "timestamp", "amount": "float"}


def project_of(directory, rows, query, **changes):
    known = {"event_timestamp": "at", "known_at": {"column": "seen"}, "deletes": "gone"}
    sources: dict[str, Any] = {}
    for name, columns in TABLES.items():
        cells = [[row[column] for column in columns] for row in rows[name]]
        write_csv(directory / f"data/{name}.csv", list(columns), cells)
        reader = {"csv": f"data/{name}.csv"}
        sources[name] = {**known, "reader": reader, "key": KEYS[name], "columns": columns}
    columns = COLUMNS | ({"country": "string"} if "country from" in query else {})
    derived = {"reader": {"sql": query}, "key": ["line"], "event_timestamp": "at", "columns": columns}
    sources["sold"] = derived | changes.pop("derived", {})
    return write_project(directory, sources=sources, entities={"line": ["line"], "sku": ["sku"]}, **changes)


def ingest_all(project, now):
    for name in TABLES:
        ingest_source(project, name, at(now))
    return ingest_source(project, "sold", at(now))


def then(project, artifact, key, hour):
    """The rows that were known at an hour, by the log's own intervals."""
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, key, "rows")).to_pylist()
    instant = (at(hour) - at(0).replace(year=1970, month=1, day=1)).total_seconds() * 1e6
    return [row for row in rows if row["_known"] <= instant < row["_until"]]


# The query in loops ------------------------------------------------------------


def as_of(rows, key, instant):
    """The last row of each key that was known at an instant, without keys whose last row deletes."""
    last = {}
    for row in sorted(rows, key=lambda row: row["seen"]):
        if row["seen"] <= instant:
            last[row[key]] = row
    return [row for row in last.values() if not row["gone"]]


def loops(name, rows, instant):
    lines, products, brands = (as_of(rows[table], KEYS[table][0], instant) for table in TABLES)

    def product(line):
        return [item for item in products if item["sku"] == line["sku"]]

    def brand(item):
        return [one for one in brands if item["brand"] is not None and one["brand"] == item["brand"]]

    nothing = {"price": None, "brand": None}
    if name == "join":
        return [(line["line"], line["qty"] * item["price"]) for line in lines for item in product(line)]
    if name == "left":
        return [
            (line["line"], item["price"]) for line in lines if line["qty"] > 1 for item in product(line) or [nothing]
        ]
    if name == "filter":
        return [(line["line"], float(line["qty"])) for line in lines if line["qty"] != 2]
    if name == "union":
        sold = [(line["line"], item["price"]) for line in lines for item in product(line)]
        return sold + [(f"p{item['sku']}", item["price"]) for item in products if item["brand"] == "b1"]
    joined = []
    for line in lines:
        for item in product(line) or ([nothing] if name == "chain" else []):
            partners = [one for one in brand(item) if name != "chain" or one["country"] not in ("x", None)]
            for one in partners or [{"country": None}]:
                price = item["price"] if name != "chain" or item["price"] is not None else -1.0
                joined.append((line["line"], price, one["country"]))
    return joined


def random_rows(draw, count, first, last):
    minutes = iter(draw.sample(range(first * 60 + 1, last * 60), 3 * count))
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for _ in range(count):
        for name in TABLES:
            seen = at(next(minutes) / 60)
            row = {"line": f"l{draw.randint(0, 5)}", "sku": f"s{draw.randint(0, 3)}", "brand": f"b{draw.randint(0, 2)}"}
            row |= {"qty": draw.randint(1, 3), "price": draw.choice([1.5, 2.0, 4.25]), "country": draw.choice("xyz")}
            rows[name].append(row | {"at": at(draw.randint(-5, 5)), "seen": seen, "gone": draw.random() < 0.25})
    return rows


def agree(project, artifact, name, rows, hours):
    for hour in hours:
        in_log = then(project, artifact, ["line"], hour)
        columns = ("line", "amount", "country") if "country" in QUERIES[name] else ("line", "amount")
        logged = sorted((tuple(row[column] for column in columns) for row in in_log), key=repr)
        assert logged == sorted(loops(name, rows, at(hour)), key=repr), (name, hour)


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


def row(table, seen, gone=False, **values):
    blank = {"line": "l", "sku": "s", "qty": 1, "price": 1.0, "brand": "b", "country": "y", "at": at(0), "gone": gone}
    return {name: (blank | values | {"seen": at(seen)})[name] for name in TABLES[table]}


OTHER = row("products", 0, sku="other")


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


def test_several_rows_of_one_key_at_one_moment_are_refused(tmp_path):
    rows = {"lines": [row("lines", 1)], "products": [row("products", 1)], "brands": [row("brands", 0)]}
    rows["brands"].append(row("brands", 2, brand="other"))
    query = (
        "select line, l.at, price as amount from lines l join products p using (sku) join brands b on b.country = 'y' "
    )
    project = project_of(tmp_path, rows, query + "and b.at = l.at")
    for name in TABLES:
        ingest_source(project, name, at(9))
    with pytest.raises(DuplicateKey) as refused:
        ingest_source(project, "sold", at(9))
    assert "key line 'l': the query gives several rows that are known at 2024-05-01T02:00" in str(refused.value)


def test_a_row_without_an_event_timestamp_is_refused(tmp_path):
    rows = {"lines": [row("lines", 1)], "products": [OTHER, row("products", 9)], "brands": [row("brands", 0)]}
    project = project_of(
        tmp_path, rows, "select line, p.at, price as amount from lines l left join products p using (sku)"
    )
    for name in TABLES:
        ingest_source(project, name, at(4))
    with pytest.raises(SourceError, match="column at is null"):
        ingest_source(project, "sold", at(4))


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


FAULTS = {
    "select line, at, count(*) as amount from lines group by all": "Aggregates belong to feature tables",
    "select line, at, sum(qty) over () as amount from lines": "is made of many rows. Aggregates belong",
    "select line, at, random() as amount from lines": "RANDOM() may differ from moment to moment",
    "select line, now() as at, 1.0 as amount from lines": "NOW() may differ from moment to moment",
    "select line, at, 1.0 as amount from lines limit 3": "limit has no meaning for rows one by one",
    "select distinct line, at, 1.0 as amount from lines": "Declare a key that distinguishes rows",
    "select line, l.at, price as amount from lines l, products p": "cross join is not supported",
    "select line, l.at, price as amount from lines l full join products p using (sku)": "full join is not supported",
    "select line, l.at, price as amount from lines l join products p on qty > 1": "has no equality with a source",
    "select line, at, 1.0 as amount from linez": "there is no source linez. Did you mean lines?",
    "select line, at, prize as amount from lines": "Column 'prize' could not be resolved",
    "select line, at, qty from lines": "the query gives no amount",
    "select line, at, amount from sold": "sources/sold -> sources/sold",
    "select line, at, 1.0 as amount from read_csv('x')": "is no source. Name sources of the project",
    "delete from lines": "is no select",
    "select line, at, 1.0 as amount from lines where sku in (select sku from products)": "a query inside the query",
    f"select line, at, {'abs(' * 400}qty{')' * 400} as amount from lines": "nested too deeply: at most 25 brackets",
    f"select line, at, {'(' * 3000}qty{')' * 3000} as amount from lines": "nested too deeply: at most 25 brackets",
    f"select line, at, {'case when qty > 1 then ' * 300}1{' end' * 300} as amount from lines": "nested too deeply",
    f"select line, at, {' + '.join(['qty'] * 2000)} as amount from lines": "nested too deeply: at most 25 brackets",
    f"select line, at, {'not ' * 2000} true as amount from lines": "nested too deeply: at most 25 brackets",
}


@pytest.mark.parametrize(
    "query",
    [
        "abs(" * 24 + "qty" + ")" * 24,
        " + ".join(["qty"] * 90),
        "coalesce(" * 24 + "qty" + ", 1)" * 24,
        " + ".join(["length('((case')"] * 30),
    ],
)
def test_a_query_that_is_deep_but_allowed_is_computed(tmp_path, query):
    rows = random_rows(random.Random(1), 15, 0, 10)
    project = project_of(tmp_path, rows, f"select line, at, cast({query} as double) as amount from lines")
    assert ingest_all(project, 24).made.artifact.id


@pytest.mark.parametrize(("query", "fault"), FAULTS.items())
def test_a_query_that_has_no_one_meaning_at_every_moment_is_a_fault(tmp_path, query, fault):
    rows: dict[str, list[Any]] = {name: [] for name in TABLES}
    with pytest.raises(DeclarationError, match=r"sources/sold\.yaml:") as refused:
        project_of(tmp_path, rows, query)
    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("derived", "fault"),
    [
        ({"known_at": {"delay": "1h"}}, "known_at: follows from the inputs"),
        ({"full": True}, "full belongs to sources that read data"),
        ({"deletes": "amount < 0"}, "deletes belongs to sources that read data"),
    ],
)
def test_keys_of_reading_are_refused(tmp_path, derived, fault):
    rows: dict[str, list[Any]] = {name: [] for name in TABLES}
    with pytest.raises(DeclarationError) as refused:
        project_of(tmp_path, rows, QUERIES["join"], derived=derived)
    assert fault in str(refused.value)
