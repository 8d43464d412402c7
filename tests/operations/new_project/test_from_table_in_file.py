"""A project from a table of a DuckDB or SQLite file, and from a Parquet file with types that no declaration has."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from ml_platform.cli.new_project import make_project
from ml_platform.core.errors import PlatformError
from ml_platform.operations.new_project.choices import Wanted
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from tests.operations.new_project.test_new_project import write_orders

ROWS = 90 * 12
TYPES = {
    "order_id": "int",
    "placed_at": "timestamp",
    "courier": "string",
    "items": "int",
    "note": "string",
    "size": "string",
}
"""The columns of the orders' source, without the label and what is known later."""


def in_duckdb(rows: Path, file: Path) -> Path:
    with closing(duckdb.connect(str(file))) as connection:
        connection.execute(
            f"CREATE TABLE \"my orders\" AS SELECT *, [1, 2] AS tags, 'x'::BLOB AS photo, "
            f"courier::ENUM ('ada', 'bob', 'cyd') AS kind FROM read_csv('{rows}')"
        )
        connection.execute("CREATE SCHEMA old; CREATE TABLE old.orders (id INTEGER)")
    return file


def in_sqlite(rows: Path, file: Path) -> Path:
    with rows.open(newline="") as opened, closing(sqlite3.connect(file)) as connection, connection:
        heads, *cells = csv.reader(opened)
        columns = ", ".join(
            f'"{head}" {"INTEGER" if head in ("Order ID", "items", "minutes") else ""}' for head in heads
        )
        connection.execute(f'CREATE TABLE "my orders" ({columns})')
        connection.executemany('INSERT INTO "my orders" VALUES (?, ?, ?, ?, ?, ?, ?, ?)', cells)
        connection.execute("CREATE TABLE other (id)")
    return file


FORMS: dict[str, Callable[[Path, Path], Path]] = {"duckdb": in_duckdb, "sqlite": in_sqlite}


@pytest.fixture(params=FORMS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file whose suffix names no format, with two tables."""
    return FORMS[request.param](write_orders(tmp_path / "orders.csv"), tmp_path / "shop.data")


def make(folder: Path, file: Path, table: str | None, **wanted: Any) -> Project:
    make_project(folder, None, file, Wanted(predict="late", leave_out=("minutes",), **wanted), table=table)
    return open_project(folder)


@pytest.mark.slow
def test_a_table_becomes_a_project_whose_source_has_all_rows(database: Path, tmp_path: Path) -> None:
    project = make(tmp_path / "shop", database, "my orders")
    source = project.spec.sources["my_orders"]
    kind = {"kind": "string"} if database.read_bytes()[8:12] == b"DUCK" else {}
    assert {name: column.type for name, column in source.columns.items()} == {**TYPES, **kind}
    assert [path.name for path in (tmp_path / "shop/data").iterdir()] == ["my_orders.parquet"]
    assert ingest_source(project, "my_orders", datetime(2024, 6, 1, tzinfo=UTC)).new_rows == ROWS
    assert ingest_source(project, "my_orders_outcomes", datetime(2024, 6, 1, tzinfo=UTC)).new_rows == ROWS


def test_where_no_table_is_named_the_tables_are_listed_and_nothing_is_written(database: Path, tmp_path: Path) -> None:
    other = "old.orders" if database.read_bytes()[8:12] == b"DUCK" else "other"
    for table, words in ((None, "has 2 tables"), ("my order", "no table 'my order'. Did you mean my orders?")):
        with pytest.raises(PlatformError, match=words) as caught:
            make(tmp_path / "shop", database, table)
        assert f"It has the tables my orders, {other}." in str(caught.value)
    assert not (tmp_path / "shop").exists()


def test_the_only_table_needs_no_name_and_types_without_a_declaration_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = in_duckdb(write_orders(tmp_path / "orders.csv"), tmp_path / "shop.duckdb")
    with closing(duckdb.connect(str(file))) as connection:
        connection.execute("DROP SCHEMA old CASCADE")
    make(tmp_path / "shop", file, None)
    assert "of no declared type     tags, photo, which are not taken" in capsys.readouterr().out


@pytest.mark.parametrize(("start", "title"), [(b"SQLite format 3\0", "SQLite"), (b"\0" * 8 + b"DUCK", "DuckDB")])
def test_a_damaged_database_is_one_sentence(tmp_path: Path, start: bytes, title: str) -> None:
    (tmp_path / "shop.data").write_bytes(start + b"\x01" * 5000)
    with pytest.raises(PlatformError, match=f"shop.data: {title} cannot read the file: .* Nothing was written"):
        make(tmp_path / "shop", tmp_path / "shop.data", "orders")


@pytest.mark.slow
def test_categories_and_texts_that_are_times_of_a_parquet_file_are_read(tmp_path: Path) -> None:
    frame = pd.read_csv(write_orders(tmp_path / "orders.csv"), keep_default_na=False)
    frame["courier"] = frame["courier"].astype("category")
    frame.to_parquet(tmp_path / "orders.parquet")  # `placed at` is a text
    project = make(tmp_path / "shop", tmp_path / "orders.parquet", None)
    assert {name: column.type for name, column in project.spec.sources["orders"].columns.items()} == TYPES
    assert ingest_source(project, "orders", datetime(2024, 6, 1, tzinfo=UTC)).new_rows == ROWS
