"""Warehouses through Ibis: the SQL for Snowflake and BigQuery, and the same code reading SQLite for real.

Neither service is asked here. SQLite stands in for them behind the same Ibis calls.
"""

import re
import sqlite3
import sys
from contextlib import closing
from typing import Any

import ibis
import pytest

from ml_platform.core.errors import DeclarationError, SchemaChanged, SourceError
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.readers.bigquery import BigQueryReader
from ml_platform.sources.readers.snowflake import SnowflakeReader
from ml_platform.sources.reading.warehouse import select_rows
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import SALES, at, write_project

KINDS = {"id": "string", "n": "int64", "at": "timestamp('UTC')", "day": "timestamp", "other": "string"}
READERS: dict[str, Any] = {"snowflake": SnowflakeReader, "bigquery": BigQueryReader}


def sql(dialect, cursor=None, after=None):
    rows = ibis.table(KINDS, name="sales", catalog="shop", database="public")
    return " ".join(ibis.to_sql(select_rows(rows, ["id", "at"], cursor, after), dialect=dialect).split())


SQL = [
    ("snowflake", None, None, 'SELECT "t0"."id", "t0"."at" FROM "shop"."public"."sales" AS "t0"'),
    (
        "snowflake",
        "n",
        "17",
        'SELECT "t0"."id", "t0"."at" FROM "shop"."public"."sales" AS "t0" WHERE "t0"."n" > 17',
    ),
    (
        "snowflake",
        "at",
        at(3).isoformat(),
        'SELECT "t0"."id", "t0"."at" FROM "shop"."public"."sales" AS "t0" '
        'WHERE "t0"."at" > CAST(\'2024-05-01T03:00:00+00:00\' AS TIMESTAMPTZ)',
    ),
    ("bigquery", None, None, "SELECT `t0`.`id`, `t0`.`at` FROM `shop`.`public`.`sales` AS `t0`"),
    (
        "bigquery",
        "at",
        at(3).isoformat(),
        "SELECT `t0`.`id`, `t0`.`at` FROM `shop`.`public`.`sales` AS `t0` "
        "WHERE `t0`.`at` > CAST('2024-05-01T03:00:00+00:00' AS TIMESTAMP)",
    ),
    (
        "bigquery",
        "day",
        at(3).replace(tzinfo=None).isoformat(),
        "SELECT `t0`.`id`, `t0`.`at` FROM `shop`.`public`.`sales` AS `t0` "
        "WHERE `t0`.`day` > CAST('2024-05-01T03:00:00' AS DATETIME)",
    ),
]


@pytest.mark.parametrize(("dialect", "cursor", "after", "expected"), SQL)
def test_only_declared_columns_and_rows_beyond_the_cursor_are_asked_for(dialect, cursor, after, expected):
    assert sql(dialect, cursor, after) == expected


@pytest.mark.parametrize("name", READERS)
def test_ibis_has_a_backend_of_the_reader_s_name(name):
    assert READERS[name].name == name
    assert name in {point.name for point in ibis.util.backend_entry_points()}


def source(name, **declared):
    return SALES | {"reader": {name: {"connection": "lake", **declared}}}


@pytest.fixture(params=READERS)
def warehouse(request, tmp_path, monkeypatch):
    """An SQLite file that Ibis connects to in place of the warehouse; the driver counts as installed."""
    reader = READERS[request.param]
    file = tmp_path / "lake.sqlite"
    monkeypatch.setattr(reader, "module", "sqlite3")
    monkeypatch.setattr(reader, "options", {})

    def run(*statements):
        with closing(sqlite3.connect(file)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    run("create table sales (id text, shop text, at text, seen text, amount real, n integer, more integer)")

    def project(**declared):
        changed = source(request.param, **declared)
        changed["columns"] = changed["columns"] | {"n": "int"}
        return write_project(tmp_path, sources={"sales": changed}, connections={"lake": f"sqlite://{file}"})

    return run, project


def row(id, hours, amount=1.0):
    time = at(hours).isoformat()
    return f"insert into sales values ('{id}', 'a', '{time}', '{time}', {amount}, {hours}, 1)"


def current(project, artifact):
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((one["id"], one["amount"]) for one in rows if one["_until"] == FOREVER)


@pytest.mark.parametrize(
    "declared", [{"table": "sales"}, {"table": "main.sales"}, {"query": "select * from sales where amount < 50"}]
)
def test_a_table_and_a_query_are_read_and_compared(warehouse, declared):
    run, opened = warehouse
    run(row("a", 1), row("b", 2))
    project = opened(**declared)
    assert current(project, ingest_source(project, "sales", at(3)).made.artifact) == [("a", 1.0), ("b", 1.0)]
    run("update sales set amount = 7 where id = 'a'", row("c", 4, 9.0), row("d", 4, 99.0))
    ingested = ingest_source(project, "sales", at(5))
    more = [] if "query" in declared else [("d", 99.0)]
    assert (ingested.new_rows, ingested.corrections) == (2 + len(more), 1)
    assert current(project, ingested.made.artifact) == [("a", 7.0), ("b", 1.0), ("c", 9.0), *more]


def test_with_a_cursor_only_rows_beyond_it_are_read(warehouse):
    run, opened = warehouse
    run(row("a", 1), row("b", 2))
    project = opened(table="sales", cursor="n")
    ingest_source(project, "sales", at(3))
    run("update sales set amount = 7 where id = 'a'", row("c", 4, 9.0))
    ingested = ingest_source(project, "sales", at(5))
    assert (ingested.new_rows, ingested.corrections) == (1, 0)
    assert current(project, ingested.made.artifact) == [("a", 1.0), ("b", 1.0), ("c", 9.0)]
    assert ingest_source(project, "sales", at(6)).made.reused


def test_a_text_is_no_cursor(warehouse):
    run, opened = warehouse
    run(row("a", 1))
    message = (
        r"lake: table sales: column at is string in the warehouse, which is no cursor .*Take a column of timestamps"
    )
    with pytest.raises(SchemaChanged, match=message):
        ingest_source(opened(table="sales", cursor="at"), "sales", at(3))


def test_a_column_that_is_gone_and_a_table_that_is_not_there_are_errors(warehouse):
    run, opened = warehouse
    run(row("a", 1), "alter table sales rename amount to amonut")
    with pytest.raises(SchemaChanged, match=r"lake: table sales: column amount is missing .*Did you mean amonut"):
        ingest_source(opened(table="sales"), "sales", at(3))
    with pytest.raises(SourceError, match=r"lake: table sale: (Snowflake|BigQuery) reports: .*sale"):
        ingest_source(opened(table="sale"), "sales", at(3))


@pytest.mark.parametrize("name", READERS)
def test_without_the_extra_one_sentence_names_what_to_install(tmp_path, monkeypatch, name):
    lake = {"lake": f"{name}://there"}
    project = write_project(tmp_path, sources={"sales": source(name, table="sales")}, connections=lake)
    monkeypatch.setitem(sys.modules, READERS[name].module.partition(".")[0], None)
    with pytest.raises(SourceError) as caught:
        ingest_source(project, "sales", at(3))
    assert str(caught.value) == (
        f"source sales: reader.{name}: the driver for {READERS[name].title} is not installed. "
        f"Install it with: pip install 'ml-platform[{name}]'."
    )


@pytest.mark.parametrize("name", READERS)
def test_a_table_has_at_most_a_database_and_a_schema_before_it(tmp_path, name):
    message = f"reader.{name}.table must be NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME, found 'a.b.c.d'."
    with pytest.raises(DeclarationError, match=re.escape(message)):
        write_project(tmp_path, sources={"sales": source(name, table="a.b.c.d")}, connections={"lake": "x://y"})


@pytest.mark.parametrize("name", READERS)
def test_its_declaration_is_checked_as_that_of_a_database(tmp_path, name):
    with pytest.raises(DeclarationError) as caught:
        write_project(tmp_path, sources={"sales": source(name, table="t", cursor="shop")}, connections={"lak": "x://y"})
    assert f"reader.{name}.connection: lake is not a connection. Did you mean lak?" in str(caught.value)
    assert f"reader.{name}.cursor must be an int or a timestamp, found shop of type string" in str(caught.value)
