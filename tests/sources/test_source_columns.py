"""Columns with another name in the input: every reader gives the rows of a plain one, under the declared names."""

import json

import pytest

from ml_platform.core.errors import DeclarationError, SourceError
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from tests.features.world import SALES, at, sale, write_project
from tests.sources.test_columns_by_reader import READERS, server, source, table_of

__all__ = ["server", "source"]
WRITTEN = {"id": "Sale ID", "shop": "from", "at": "At", "seen": "seen (UTC)", "amount": "Amount, EUR"}
"""Names with spaces, capitals, signs, a comma, and a word that expressions know."""
COLUMNS = {name: {"type": kind, "source_column": WRITTEN[name]} for name, kind in SALES["columns"].items()}
FIRST = [sale("a", 1, amount=1.5), sale("b", 2, shop="b", amount=2.5)]
SECOND = [*FIRST, sale("a", 1, seen=5.5, amount=9.5), sale("c", 3, amount=None)]


def as_written(*rows):
    table = table_of(*rows)
    return table.rename_columns([WRITTEN[name] for name in table.column_names])


def rows_of(project, artifact):
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, list(SALES["columns"]), "rows")).to_pylist()
    return sorted(([row[name] for name in SALES["columns"]] for row in rows), key=str)


@pytest.mark.parametrize("source", READERS, indirect=True)
def test_rows_are_those_of_columns_with_plain_names(tmp_path, source):
    reader, more, put = source
    project = write_project(tmp_path, sources={"sales": SALES | {"reader": reader, "columns": COLUMNS}}, **more)
    put(as_written(*FIRST))
    assert ingest_source(project, "sales", at(5)).rows.new == 2
    put(as_written(*SECOND))
    ingested = ingest_source(project, "sales", at(6))
    assert rows_of(project, ingested.made.artifact) == sorted(SECOND, key=str)


@pytest.mark.parametrize("source", ["postgres"], indirect=True)
def test_a_cursor_is_compared_under_the_name_in_the_table(tmp_path, source):
    reader, more, put = source
    reader = {"postgres": {**reader["postgres"], "cursor": "seen"}}
    project = write_project(tmp_path, sources={"sales": SALES | {"reader": reader, "columns": COLUMNS}}, **more)
    put(as_written(*FIRST))
    ingest_source(project, "sales", at(5))
    put(as_written(*SECOND))
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.rows.read, ingested.rows.new) == (2, 2)  # the rows seen at 5:30 and at 3:00, after 2:00
    assert rows_of(project, ingested.made.artifact) == sorted(SECOND, key=str)


@pytest.mark.parametrize("source", READERS, indirect=True)
def test_a_missing_column_is_named_as_in_the_input_with_its_declaration(tmp_path, source):
    reader, more, put = source
    project = write_project(tmp_path, sources={"sales": SALES | {"reader": reader, "columns": COLUMNS}}, **more)
    put(as_written(*FIRST).drop(["Amount, EUR"]))
    with pytest.raises(SourceError, match=r"column Amount, EUR is missing.*declared in .*sources/sales.yaml:\d+"):
        ingest_source(project, "sales", at(5))


@pytest.mark.parametrize("source", READERS, indirect=True)
def test_values_of_a_missing_column_are_null_where_that_is_declared(tmp_path, source):
    reader, more, put = source
    declared = SALES | {"reader": reader, "columns": COLUMNS, "missing_columns": "null"}
    project = write_project(tmp_path, sources={"sales": declared}, **more)
    put(as_written(*FIRST).drop(["Amount, EUR"]))
    ingested = ingest_source(project, "sales", at(5))
    assert [row[-1] for row in rows_of(project, ingested.made.artifact)] == [None, None]


@pytest.mark.parametrize("source", READERS, indirect=True)
def test_another_column_of_a_declared_name_is_not_read(tmp_path, source):
    reader, more, put = source
    declared = SALES | {"reader": reader, "columns": COLUMNS, "new_columns": "report"}
    project = write_project(tmp_path, sources={"sales": declared}, **more)
    put(as_written(*FIRST).append_column("amount", table_of(*SECOND[1:3])["amount"]))
    ingested = ingest_source(project, "sales", at(5))
    assert [row[-1] for row in rows_of(project, ingested.made.artifact)] == [1.5, 2.5]


FAULTS = [
    (
        {"csv": "data/sales.csv"},
        {"shop": {"type": "string", "source_column": "amount"}},
        ["columns.amount: ", "amount and shop both read the column amount. Remove one."],
    ),
    (
        {"csv": "data/sales.csv"},
        {"shop": {"type": "string", "source_column": "Name"}, "amount": {"type": "float", "source_column": "Name"}},
        ["columns.amount.source_column", "amount and shop both read the column Name. Remove one."],
    ),
    (
        {"csv": "data/shop={shop}/*.csv"},
        {"shop": {"type": "string", "source_column": "Name"}},
        ["{shop} is not a column. Known: Name, amount, at, id, seen."],
    ),
    (
        {"streaming": True},
        {"shop": {"type": "string", "source_column": "Name"}},
        ["rows of the reader streaming have the declared names. Remove source_column."],
    ),
    (
        {"sql": "select id, shop, at, seen, amount from other"},
        {"shop": {"type": "string", "source_column": "Name"}},
        ["a query names its columns itself. Remove source_column, and write AS shop in the query."],
    ),
]


@pytest.mark.parametrize(("reader", "columns", "expected"), FAULTS)
def test_names_that_cannot_be_read_are_refused(tmp_path, reader, columns, expected):
    known = {} if reader == {"streaming": True} else {"known_at": SALES["known_at"]}
    other = SALES | {"reader": {"csv": "data/sales.csv"}}
    sales = {**SALES, "reader": reader, "columns": SALES["columns"] | columns, **known}
    if not known:
        del sales["known_at"]
    with pytest.raises(DeclarationError) as caught:
        write_project(tmp_path, sources={"sales": sales, "other": other})
    assert all(text in str(caught.value) for text in expected), str(caught.value)


def test_a_name_in_a_path_is_a_name_in_the_input(tmp_path):
    for shop in ("x", "y"):
        (tmp_path / f"data/Shop={shop}").mkdir(parents=True)
        (tmp_path / f"data/Shop={shop}/1.csv").write_text(
            f"id,shop,at,seen,amount\n{shop}1,other,2024-05-01T01:00Z,2024-05-01T01:00Z,1\n"
        )
    columns = SALES["columns"] | {"shop": {"type": "string", "source_column": "Shop"}}
    sales = {**SALES, "reader": {"csv": "data/Shop={Shop}/*.csv"}, "columns": columns}
    project = write_project(tmp_path, sources={"sales": sales})
    ingested = ingest_source(project, "sales", at(5))
    assert [row[:2] for row in rows_of(project, ingested.made.artifact)] == [["x1", "x"], ["y1", "y"]]


def test_another_name_in_the_input_restarts_the_log(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/sales.csv").write_text(
        "id,shop,at,seen,amount,Amount\na,x,2024-05-01T01:00Z,2024-05-01T01:00Z,1,2\n"
    )
    project = write_project(tmp_path, sources={"sales": SALES | {"reader": {"csv": "data/sales.csv"}}})
    ingested = ingest_source(project, "sales", at(5))
    assert [row[-1] for row in rows_of(project, ingested.made.artifact)] == [1.0]
    path = tmp_path / "sources/sales.yaml"
    declared = json.loads(path.read_text())
    declared["columns"]["amount"] = {"type": "float", "source_column": "Amount"}
    path.write_text(json.dumps(declared))
    project = open_project(tmp_path)
    ingested = ingest_source(project, "sales", at(6))
    assert [row[-1] for row in rows_of(project, ingested.made.artifact)] == [2.0]
