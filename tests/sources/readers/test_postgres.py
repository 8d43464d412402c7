"""Rows of a real PostgreSQL server: read, compared, and what is reported when they cannot be."""

import os
import sys
from datetime import UTC, datetime, time

import pytest
import sqlalchemy as sa

from ml_platform.core.errors import SchemaChanged, SourceError
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import at, write_project
from tests.sources.readers.postgres_sales import VARIABLE, log_of, opened, put, run


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What a test writes into the environment goes with it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    yield
    os.environ.pop(VARIABLE, None)


@pytest.mark.parametrize("reader", [{"table": "sales"}, {"query": "select * from sales where amount < 100"}])
def test_rows_of_a_table_and_of_a_query_are_ingested_and_compared(tmp_path, database, reader):
    put(database, "x", 1, amount=2.5)
    put(database, "y", 2)
    project = opened(tmp_path, database[0], **reader)
    assert ingest_source(project, "sales", at(4)).new_rows == 2
    assert ingest_source(project, "sales", at(5)).made.reused
    run(database, "UPDATE sales SET amount = 7 WHERE id = 'x'")
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.new_rows, ingested.corrections) == (1, 1)
    assert log_of(project, ingested.made.artifact) == [
        ("x", at(1), 2.5, False),
        ("x", at(6), 7.0, True),
        ("y", at(2), 1.0, True),
    ]


def test_rows_that_are_deleted_on_the_server_end_at_their_ingest_or_when_they_declare_it(tmp_path, database):
    for id in "xyz":
        put(database, id, 1)
    keys = {"full": True, "deletes": "changed == 0"}
    project = opened(tmp_path, database[0], keys=keys, table="sales")
    ingest_source(project, "sales", at(4))
    run(database, "DELETE FROM sales WHERE id = 'x'")
    run(database, f"UPDATE sales SET changed = 0, seen = '{at(5).isoformat()}' WHERE id = 'y'")
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.new_rows, ingested.deletions) == (0, 2)
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, ingested.made.artifact, ["id"], "rows")).to_pylist()
    since = (at(0) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6
    ends = {row["id"]: None if row["_until"] == FOREVER else (row["_until"] - since) / 3.6e9 for row in rows}
    assert ends == {"x": 6.0, "y": 5.0, "z": None}


def test_types_of_the_server_become_the_declared_ones(tmp_path, database):
    run(
        database,
        "CREATE TABLE odd AS SELECT 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS id, 5::smallint AS n,"
        " 2.5::real AS r, true AS b, DATE '2024-05-01' AS d, TIMESTAMP '2024-05-01 02:00' AS at,"
        " 'q'::varchar(3) AS v, NULL::int AS no",
    )
    zone = {"type": "timestamp", "zone": "Europe/Berlin"}
    columns = {"id": "string", "n": "int", "r": "float", "b": "bool", "d": zone, "at": zone, "v": "string", "no": "int"}
    source = {"key": ["id"], "event_timestamp": "at", "known_at": {"delay": "0s"}, "columns": columns}
    source["reader"] = {"postgres": {"connection": "shop_db", "table": "odd"}}
    project = write_project(tmp_path, sources={"odd": source}, connections={"shop_db": database[0]})
    artifact = ingest_source(project, "odd", at(4)).made.artifact
    with project.engine() as engine:
        [row] = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    actual = [row[name] for name in columns]
    day = datetime(2024, 4, 30, 22, tzinfo=UTC)
    assert actual == ["b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 5, 2.5, True, day, at(0), "q", None]


def test_a_numeric_that_is_no_number_is_null_whatever_the_declared_type(tmp_path, database):
    put(database, "x", 0, amount=1)
    run(database, "UPDATE sales SET amount = 'NaN'")
    put(database, "y", 0, amount=1)
    query = "select *, case id when 'x' then 'NaN'::numeric else 1.50 end as text, id as word from sales"
    columns = {"text": "string", "word": "string"}
    project = opened(tmp_path, database[0], columns=columns, query=query)
    artifact = ingest_source(project, "sales", at(4)).made.artifact
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    assert {row["id"]: (row["text"], row["amount"]) for row in rows} == {"x": (None, None), "y": ("1.50", 1.0)}


EXACT = {
    "big": ("bigint", "int", "9007199254740993", 9007199254740993),
    "whole": ("numeric", "int", "9007199254740993.00", 9007199254740993),
    "exact": ("numeric", "float", "-56229197260739748.7", -56229197260739748.7),
    "far": ("timestamptz", "timestamp", "9999-12-31T00:00:00Z", datetime(9999, 12, 31, tzinfo=UTC)),
    "day": ("date", {"type": "timestamp", "zone": "UTC"}, "0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
}


def test_values_at_the_ends_are_exact(tmp_path, database):
    url, engine = database
    created = ", ".join(f"{name} {kind}" for name, (kind, *_) in EXACT.items())
    values = ", ".join(f"'{text}'" for _, _, text, _ in EXACT.values())
    run(database, f"CREATE TABLE ends ({created}); INSERT INTO ends VALUES ({values})")
    with engine.begin() as connection:  # psycopg reads the same
        read = connection.execute(sa.text("SELECT big, whole, exact::float8, far, day FROM ends")).one()
    assert [read[0], int(read[1]), read[2], read[3], datetime.combine(read[4], time(), UTC)] == [
        value for *_, value in EXACT.values()
    ]
    query = "select *, 'x' as id, 'a' as shop, now() - interval '1000d' as at, now() - interval '1000d' as seen, 1 as "
    query += "amount, 1 as changed from ends"
    columns = {name: declared for name, (_, declared, _, _) in EXACT.items()}
    project = opened(tmp_path, url, columns=columns, query=query)
    artifact = ingest_source(project, "sales", datetime(2030, 1, 1, tzinfo=UTC)).made.artifact
    with project.engine() as opened_engine:
        [row] = opened_engine.run(source_versions(opened_engine, project.store, artifact, ["id"], "rows")).to_pylist()
    assert {name: row[name] for name in EXACT} == {name: value for name, (*_, value) in EXACT.items()}


REFUSED = {
    "infinity": ("'infinity'::timestamptz", "timestamp", "row 1: column odd has infinity, or a time outside the years"),
    "minus infinity": ("'-infinity'::date", {"type": "timestamp", "zone": "UTC"}, "row 1: column odd"),
    "a far year": ("'294276-12-31'::timestamp", {"type": "timestamp", "zone": "UTC"}, "row 1: column odd has infinity"),
    "money": ("'12.34'::money", "float", "column odd is of the server's type money (declared in"),
    "an object's id": ("4000000000::oid", "int", "column odd is of the server's type oid (declared in"),
    "a fraction": ("1.5::numeric", "int", "row 1: column odd: '1.5' is not an int of 64 bits"),
}


@pytest.mark.parametrize(("value", "declared", "message"), REFUSED.values(), ids=REFUSED)
def test_what_the_driver_would_change_is_refused(tmp_path, database, value, declared, message):
    put(database, "x", 1)
    project = opened(tmp_path, database[0], columns={"odd": declared}, query=f"select *, {value} as odd from sales")
    with pytest.raises(SourceError) as caught:
        ingest_source(project, "sales", at(9))
    assert message in str(caught.value)


def secret(url):
    """The same server by a URL with a password, which trust authentication does not ask for."""
    return url.replace("postgres@", "postgres:s3cr%20et@")


FAULTS = {
    "a wrong table": ({"table": "sails"}, SourceError, 'relation "sails" does not exist'),
    "a wrong schema": ({"table": "nowhere.sales"}, SourceError, 'relation "nowhere.sales" does not exist'),
    "a broken query": ({"query": "selec 1"}, SourceError, 'syntax error at or near "1"'),
    "two statements": ({"query": "select 1; drop table sales"}, SourceError, 'syntax error at or near ";"'),
    "a missing column": ({"query": "select id, shop from sales"}, SchemaChanged, "column at, seen, amount"),
}


@pytest.mark.parametrize(("reader", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_in_the_database_is_reported_and_nothing_is_lost(tmp_path, database, reader, kind, message):
    put(database, "x", 1)
    project = opened(tmp_path, secret(database[0]), table="sales")
    first = ingest_source(project, "sales", at(4)).made.artifact
    broken = opened(tmp_path, secret(database[0]), **reader)
    with pytest.raises(kind) as caught:
        ingest_source(broken, "sales", at(5))
    assert message in str(caught.value)
    assert "s3cr" not in str(caught.value)
    assert ingest_source(opened(tmp_path, database[0], table="sales"), "sales", at(6)).made.artifact.id == first.id


DEAD = [
    "postgresql://postgres:s3cr%20et@127.0.0.1:9/test",
    "postgresql+psycopg://postgres:s3cr et@127.0.0.1:9/test",
    "postgresql://postgres@127.0.0.1:9/test?password=s3cret",
    "s3cret",
    "",
]


@pytest.mark.parametrize("url", DEAD)
def test_a_server_that_does_not_answer_is_an_error_without_its_url(tmp_path, url):
    with pytest.raises(SourceError, match="source sales: shop_db: table sales: PostgreSQL reports: ") as caught:
        ingest_source(opened(tmp_path, url, table="sales"), "sales", at(4))
    assert "s3cr" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_url_is_in_no_key_manifest_or_record(tmp_path, database):
    put(database, "x", 1)
    project = opened(tmp_path, secret(database[0]), table="sales", cursor="changed")
    first = ingest_source(project, "sales", at(4)).made.artifact
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "project.yaml"]
    assert kept
    assert not [path for path in kept if b"s3cr" in path.read_bytes()]
    put(database, "y", 5, changed=2)
    elsewhere = opened(tmp_path, database[0], table="sales", cursor="changed")  # another URL is the same source
    assert ingest_source(elsewhere, "sales", at(6)).made.artifact.inputs == {"previous": first.id}


def test_without_the_driver_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(SourceError, match=r"not installed\. Install it with: pip install 'ml-platform\[postgres\]'"):
        ingest_source(opened(tmp_path, "postgresql://x", table="sales"), "sales", at(4))
