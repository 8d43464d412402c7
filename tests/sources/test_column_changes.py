"""Columns that appear, disappear or change their type between the files of a source."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import ColumnChanged, DeclarationError, SchemaChanged
from ml_platform.sources.ingest import ingest_source
from tests.features.world import SALES, at, write_project
from tests.sources.test_ingest import log_of

TIME = "2024-05-01T00:00:00Z"


def write(directory, **files):
    """Write CSV files: by name, a header and rows of texts."""
    (directory / "data").mkdir(exist_ok=True)
    for name, (header, *rows) in files.items():
        (directory / f"data/{name}.csv").write_text("\n".join([header, *rows]) + "\n")


def project(directory, **changes):
    source = SALES | {"reader": {"csv": "data/*.csv"}} | changes
    return write_project(directory, sources={"sales": source})


WHOLE = ("id,shop,at,seen,amount", f"x,a,{TIME},{TIME},1")
LACKING = ("id,shop,at,seen", f"y,a,{TIME},{TIME}")
MORE = ("id,shop,at,seen,amount,discount", f"z,a,{TIME},{TIME},1,2")


def test_a_missing_column_is_an_error_that_names_both_files(tmp_path):
    write(tmp_path, a=WHOLE, b=LACKING)
    with pytest.raises(ColumnChanged) as caught:
        ingest_source(project(tmp_path), "sales", at(4))
    assert "data/b.csv: column amount is missing; data/a.csv has it (declared in" in str(caught.value)
    assert "Did you mean" not in str(caught.value)  # every other column of the file is declared


def test_a_column_that_may_be_missing_is_null_with_a_note_that_names_both_files(tmp_path):
    write(tmp_path, a=WHOLE, b=LACKING)
    actual = project(tmp_path, missing_columns=None)
    ingested = ingest_source(actual, "sales", at(4))
    assert [row[:2] for row in log_of(actual, ingested.made.artifact)] == [("x", 1.0), ("y", None)]
    note = "column amount is missing in data/b.csv, and data/a.csv has it: its values are null"
    assert ingested.upstream.notes() == (note,)
    write(tmp_path, c=(WHOLE[0], f"w,a,{TIME},{TIME},2"))
    assert ingest_source(actual, "sales", at(5)).upstream.notes() == (note,)
    write(tmp_path, b=(WHOLE[0], f"y,a,{TIME},{TIME},3"))
    assert ingest_source(actual, "sales", at(6)).upstream.notes() == ()


def test_a_column_that_every_row_needs_cannot_be_missing(tmp_path):
    write(tmp_path, a=WHOLE, b=("id,shop,at,amount", f"y,a,{TIME},1"))
    with pytest.raises(ColumnChanged, match="column seen is missing"):
        ingest_source(project(tmp_path, missing_columns="null"), "sales", at(4))


def test_a_new_column_is_ignored_reported_or_refused(tmp_path):
    write(tmp_path, a=WHOLE, b=MORE)
    assert ingest_source(project(tmp_path), "sales", at(3)).upstream.notes() == ()
    reported = ingest_source(project(tmp_path, new_columns="report"), "sales", at(4))
    assert reported.upstream.notes() == ("column discount is new: data/b.csv has it, and data/a.csv does not",)
    with pytest.raises(ColumnChanged) as caught:
        ingest_source(project(tmp_path, new_columns="fail"), "sales", at(5))
    assert "data/b.csv: column discount is new: data/a.csv does not have it" in str(caught.value)


def test_a_column_that_is_new_in_a_later_file_is_reported_until_the_file_lacks_it(tmp_path):
    write(tmp_path, a=WHOLE)
    actual = project(tmp_path, new_columns="report")
    assert ingest_source(actual, "sales", at(4)).upstream.notes() == ()
    write(tmp_path, b=MORE)
    note = ("column discount is new: data/b.csv has it, and data/a.csv does not",)
    assert ingest_source(actual, "sales", at(5)).upstream.notes() == note
    assert ingest_source(actual, "sales", at(6)).upstream.notes() == note
    write(tmp_path, b=WHOLE)
    (tmp_path / "data/a.csv").write_text("\n".join([WHOLE[0], f"v,a,{TIME},{TIME},1"]) + "\n")
    assert "discount" not in " ".join(ingest_source(actual, "sales", at(7)).upstream.notes())


def test_a_column_of_another_type_is_an_error_that_names_both_files_and_both_types(tmp_path):
    (tmp_path / "data").mkdir()
    instant = pa.array([at(1)], pa.timestamp("us", tz="UTC"))
    for name, amount in (("a", pa.array([1.5])), ("b", pa.array([[1, 2]]))):
        table = pa.table({"id": [name], "shop": ["s"], "at": instant, "seen": instant, "amount": amount})
        pq.write_table(table, tmp_path / f"data/{name}.parquet")
    with pytest.raises(ColumnChanged) as caught:
        ingest_source(project(tmp_path, reader={"parquet": "data/*.parquet"}), "sales", at(4))
    assert "data/b.parquet: column amount is list<" in str(caught.value)
    assert "declared float; data/a.parquet has it as double" in str(caught.value)


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        (pa.array(["abc", "x"]), "'abc' is not a float; data/a.parquet has it as double"),
        (pa.array(["abc", None]), "'abc' is not a float; data/a.parquet has it as double"),
        (pa.array(["abc", "5"]), "'abc' is not a float (declared"),  # one dirty cell is no other type
        (pa.array([None, "abc"]), "'abc' is not a float (declared"),
    ],
)
def test_numbers_that_became_texts_are_an_error_that_names_both_files(tmp_path, amounts, words):
    (tmp_path / "data").mkdir()
    instants = pa.array([at(1)] * 2, pa.timestamp("us", tz="UTC"))
    for name, amount in (("a", pa.array([1.5, 2.5])), ("b", amounts)):
        ids = [f"{name}1", f"{name}2"]
        table = pa.table({"id": ids, "shop": ["s", "s"], "at": instants, "seen": instants, "amount": amount})
        pq.write_table(table, tmp_path / f"data/{name}.parquet")
    with pytest.raises(SchemaChanged) as caught:
        ingest_source(project(tmp_path, reader={"parquet": "data/*.parquet"}), "sales", at(4))
    assert words in str(caught.value)


def test_numbers_that_became_texts_in_a_csv_file_are_an_error_that_names_both_files(tmp_path):
    texts = (WHOLE[0], f"y,a,{TIME},{TIME},much", f"z,a,{TIME},{TIME},little")
    write(tmp_path, a=WHOLE, b=texts)
    with pytest.raises(SchemaChanged) as caught:
        ingest_source(project(tmp_path), "sales", at(4))
    assert "data/b.csv: row 1: column amount: 'much' is not a float; data/a.csv has numbers in it" in str(caught.value)
    write(tmp_path, a=texts)
    with pytest.raises(SchemaChanged) as caught:
        ingest_source(project(tmp_path), "sales", at(4))
    assert "data/b.csv" not in str(caught.value)  # both files have texts: the declaration is wrong


def test_a_policy_for_columns_is_one_of_the_declared_words(tmp_path):
    with pytest.raises(DeclarationError, match="new_columns"):
        project(tmp_path, new_columns="drop")
