"""Columns that disappear, appear or change their type between two loads, for every reader of columns."""

import os

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake
from pyiceberg.catalog import load_catalog

from ml_platform.core.errors import SourceError
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import SALES, at, sale, write_project
from tests.storage import postgres

READERS = ("csv", "parquet", "python", "postgres", "delta", "iceberg")
VARIABLE = "ML_PLATFORM_TEST_COLUMNS_DB"
SQL = {"string": "text", "double": "float8", "bool": "boolean", "timestamp[us, tz=UTC]": "timestamptz"}
SQL["list<item: double>"] = "float8[]"


def table_of(*rows):
    types = [pa.string(), pa.string(), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC"), pa.float64()]
    columns = zip(SALES["columns"], map(list, zip(*rows, strict=True)), types, strict=True)
    return pa.table({name: pa.array(values, kind) for name, values, kind in columns})


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


@pytest.fixture
def source(request, tmp_path, monkeypatch):
    """How a reader is declared, what the project needs beside it, and a function that lays out a table for it."""
    (tmp_path / "data").mkdir()
    yield from _SOURCES[request.param](request, tmp_path, monkeypatch)


def of_csv(_, directory, __):
    yield {"csv": "data/sales.csv"}, {}, lambda table: write_csv(table, directory / "data/sales.csv")


def write_csv(table, path):
    texts = [pa.array([None if value is None else str(value) for value in column.to_pylist()]) for column in table]
    pa.csv.write_csv(pa.table(texts, names=table.column_names), path)


def of_parquet(_, directory, __):
    yield {"parquet": "data/sales.parquet"}, {}, lambda table: pq.write_table(table, directory / "data/sales.parquet")


def of_python(_, directory, __):
    (directory / "shop_columns.py").write_text(
        "import pathlib, pyarrow.parquet\n\n"
        "def read():\n    yield pyarrow.parquet.read_table(pathlib.Path(__file__).with_name('rows.parquet'))\n"
    )
    yield {"python": "shop_columns:read"}, {}, lambda table: pq.write_table(table, directory / "rows.parquet")


def of_postgres(request, _, monkeypatch):
    with postgres.schema(request.getfixturevalue("server")) as url:
        engine = sa.create_engine(url)
        monkeypatch.setenv(VARIABLE, url)
        reader = {"postgres": {"connection": "shop_db", "table": "sales"}}
        yield reader, {"connections": {"shop_db": f"${{{VARIABLE}}}"}}, lambda table: put_rows(engine, table)
        engine.dispose()
        os.environ.pop(VARIABLE, None)


def put_rows(engine, table):
    columns = ", ".join(f'"{field.name}" {SQL[str(field.type)]}' for field in table.schema)
    values = ", ".join(f":v{place}" for place in range(table.num_columns))
    rows = table.rename_columns([f"v{place}" for place in range(table.num_columns)])
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS sales"))
        connection.execute(sa.text(f"CREATE TABLE sales ({columns})"))
        connection.execute(sa.text(f"INSERT INTO sales VALUES ({values})"), rows.to_pylist())


def of_delta(_, directory, __):
    place = str(directory / "data/sales")

    def put(table):
        write_deltalake(place, table, mode="overwrite", schema_mode="overwrite")

    yield {"delta": "data/sales"}, {}, put


def of_iceberg(_, directory, __):
    url = f"sqlite:///{directory}/catalog.db"
    catalog = load_catalog("shop", uri=url, warehouse=f"file://{directory}/lake")
    catalog.create_namespace("shop")

    def put(table):
        if catalog.table_exists("shop.sales"):
            catalog.drop_table("shop.sales")
        catalog.create_table("shop.sales", table.schema).append(table)

    reader = {"iceberg": {"connection": "lake", "catalog": "shop", "table": "shop.sales"}}
    yield reader, {"connections": {"lake": url}}, put
    catalog.close()


_SOURCES = dict(zip(READERS, (of_csv, of_parquet, of_python, of_postgres, of_delta, of_iceberg), strict=True))
WHOLE = [sale("a", 1, amount=1.5), sale("b", 2, amount=2.5)]
NEXT = [*WHOLE, sale("c", 3, amount=3.5)]


def project_of(directory, source, **changes):
    reader, more, _ = source
    return write_project(directory, sources={"sales": SALES | {"reader": reader} | changes}, **more)


def current(project, artifact):
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((row["id"], row["amount"]) for row in rows if row["_until"] == FOREVER)


def two_loads(directory, source, second, **changes):
    """Ingest the whole table, then another; return the log and the notes of the second."""
    put, project = source[2], project_of(directory, source, **changes)
    put(table_of(*WHOLE))
    assert ingest_source(project, "sales", at(5)).rows.new == 2
    put(second)
    ingested = ingest_source(project, "sales", at(6))
    return current(project, ingested.made.artifact), ingested.upstream.notes(), ingested.rows


@pytest.mark.parametrize("source", READERS, indirect=True)
def test_values_of_a_missing_column_are_null_where_that_is_declared(tmp_path, source):
    rows, notes, counts = two_loads(tmp_path, source, table_of(*NEXT).drop(["amount"]), missing_columns="null")
    assert rows == [("a", None), ("b", None), ("c", None)]
    assert (counts.read, counts.quarantined) == (3, 0)
    assert "column amount is missing" in " ".join(notes)


@pytest.mark.parametrize(("column", "policy"), [("amount", {}), ("seen", {"missing_columns": "null"})])
@pytest.mark.parametrize("source", READERS, indirect=True)
def test_a_missing_column_stops_the_ingest_unless_declared_and_no_row_needs_it(tmp_path, source, column, policy):
    with pytest.raises(SourceError, match=f"column {column} is missing"):
        two_loads(tmp_path, source, table_of(*NEXT).drop([column]), **policy)


@pytest.mark.parametrize("policy", ["ignore", "report", "fail"])
@pytest.mark.parametrize("source", READERS, indirect=True)
def test_a_new_column_is_ignored_reported_or_refused(tmp_path, source, policy):
    more = table_of(*NEXT).append_column("discount", pa.array([1.0, 2.0, 3.0]))
    if policy == "fail":
        with pytest.raises(SourceError, match="discount"):
            two_loads(tmp_path, source, more, new_columns=policy)
        return
    rows, notes, counts = two_loads(tmp_path, source, more, new_columns=policy)
    assert rows == [("a", 1.5), ("b", 2.5), ("c", 3.5)]
    assert counts.read == 3
    assert ("discount" in " ".join(notes)) == (policy == "report")


@pytest.mark.parametrize("on_error", [None, "quarantine"])
@pytest.mark.parametrize("source", [name for name in READERS if name != "csv"], indirect=True)
def test_a_column_of_a_type_that_cannot_become_the_declared_one_stops_the_ingest(tmp_path, source, on_error):
    other = table_of(*NEXT).drop(["amount"]).append_column("amount", pa.array([[1.0], [2.0], [3.0]]))
    policy = {} if on_error is None else {"on_error": on_error}
    with pytest.raises(SourceError, match=r"column amount is .*declared float"):
        two_loads(tmp_path, source, other, **policy)
