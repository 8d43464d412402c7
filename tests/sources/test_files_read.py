"""Files by address, by pattern and by link: which are read, and which are refused."""

import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import MissingFile, SchemaChanged, SourceError
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.reading import csv_cells as readers
from tests.features.world import SALES, at, sale, write_project
from tests.sources.test_read_changed import DAYS, HEADER, log_of, put


def sales_table(*ids, amount=None):
    rows = [sale(id, 1) for id in ids]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(HEADER)}
    return pa.table(columns | ({"amount": amount} if amount else {}))


def test_parquet_files_are_read_by_a_url_with_a_glob(tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    for day, ids in (("1", "ab"), ("2", "cd")):
        with memory.open(f"/{tmp_path.name}/{day}.parquet", "wb") as file:
            pq.write_table(sales_table(*ids), file)
    reader = {"parquet": f"memory://{tmp_path.name}/*.parquet"}
    project = write_project(tmp_path, sources={"sales": {**SALES, "reader": reader}})
    artifact = ingest_source(project, "sales", at(9)).made.artifact
    assert [row[0] for row in log_of(project, artifact)] == ["a", "b", "c", "d"]


def test_a_file_is_read_by_its_url(tmp_path):
    put(tmp_path, "1", [sale("a", 1)])
    reader = {"csv": f"file://{tmp_path}/data/1.csv"}
    project = write_project(tmp_path, sources={"sales": {**SALES, "reader": reader}})
    assert [row[0] for row in log_of(project, ingest_source(project, "sales", at(9)).made.artifact)] == ["a"]


def test_a_type_that_changed_between_days_names_file_column_types_and_the_declaration(tmp_path):
    (tmp_path / "data").mkdir()
    pq.write_table(sales_table("a"), tmp_path / "data/1.parquet")
    project = write_project(tmp_path, sources={"sales": {**SALES, "reader": {"parquet": "data/*.parquet"}}})
    first = ingest_source(project, "sales", at(9)).made.artifact
    pq.write_table(sales_table("b", amount=[True]), tmp_path / "data/2.parquet")
    with pytest.raises(SchemaChanged) as caught:
        ingest_source(project, "sales", at(10))
    assert str(caught.value) == (
        "source sales: data/2.parquet: column amount is bool, declared float; data/1.parquet has it as "
        "double (declared in sources/sales.yaml:18). "
        "Correct the declared type, or the data."
    )
    assert list(project.store.ids("source")) == [first.id]


@pytest.mark.parametrize("reader", ["data/*.csv", "data/1.csv", "**/*.csv", "data/[0-9].csv"])
def test_signs_of_a_glob_in_the_project_s_path_are_plain(tmp_path, reader):
    root = tmp_path / "proj[1]*?"
    put(root, "1", [sale("a", 1)])
    project = write_project(root, sources={"sales": {**SALES, "reader": {"csv": reader}}})
    assert [row[0] for row in log_of(project, ingest_source(project, "sales", at(9)).made.artifact)] == ["a"]


def test_a_file_whose_name_is_a_pattern_is_read_by_that_name(tmp_path):
    put(tmp_path, "x[1]", [sale("a", 1)])
    put(tmp_path, "x1", [sale("b", 1)])
    project = write_project(tmp_path, sources={"sales": {**SALES, "reader": {"csv": "data/x[1].csv"}}})
    assert [row[0] for row in log_of(project, ingest_source(project, "sales", at(9)).made.artifact)] == ["a"]


def test_hidden_files_are_skipped_unless_the_pattern_writes_their_dot(tmp_path):
    for name, id in (("1", "a"), ("._1", "b"), (".old/2", "c"), ("new/3", "d")):
        put(tmp_path, name, [sale(id, 1)])
    (tmp_path / "data/folder.csv").mkdir()
    for pattern, ids in (("data/*.csv", "a"), ("data/**/*.csv", "ad"), ("data/.*.csv", "b"), ("data/.old/*.csv", "c")):
        root = tmp_path / ids
        (root / "data").parent.mkdir()
        (root / "data").symlink_to(tmp_path / "data")
        project = write_project(root, sources={"sales": {**SALES, "reader": {"csv": pattern}}})
        log = log_of(project, ingest_source(project, "sales", at(9)).made.artifact)
        assert [row[0] for row in log] == list(ids), pattern


def test_hidden_files_below_a_url_are_skipped_too(tmp_path):
    put(tmp_path, "1", [sale("a", 1)])
    put(tmp_path, ".1", [sale("b", 1)])
    project = write_project(tmp_path, sources={"sales": {**SALES, "reader": {"csv": f"file://{tmp_path}/data/*.csv"}}})
    assert [row[0] for row in log_of(project, ingest_source(project, "sales", at(9)).made.artifact)] == ["a"]


def test_a_link_is_reread_when_what_it_leads_to_changes(tmp_path):
    for name, id in (("a", "a"), ("b", "b")):
        put(tmp_path / "elsewhere", name, [sale(id, 1)])
    link = tmp_path / "data/1.csv"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "elsewhere/data/a.csv")
    project = write_project(tmp_path, sources={"sales": DAYS})
    actual = [log_of(project, ingest_source(project, "sales", at(5)).made.artifact)]
    put(tmp_path / "elsewhere", "a", [sale("c", 1)])  # as long as before
    actual.append(log_of(project, ingest_source(project, "sales", at(6)).made.artifact))
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere/data/b.csv")
    actual.append(log_of(project, ingest_source(project, "sales", at(7)).made.artifact))
    assert [[row[0] for row in rows] for rows in actual] == [["a"], ["a", "c"], ["a", "b", "c"]]


def test_a_link_that_leads_nowhere_names_itself(tmp_path):
    put(tmp_path, "1", [sale("a", 1)])
    (tmp_path / "data/2.csv").symlink_to(tmp_path / "nowhere.csv")
    project = write_project(tmp_path, sources={"sales": DAYS})
    message = (
        f"data/2.csv: the link leads to {tmp_path}/nowhere.csv, where there is no file. Remove the link, or restore"
    )
    with pytest.raises(MissingFile, match=re.escape(message)):
        ingest_source(project, "sales", at(9))


@pytest.mark.parametrize("more", ["z,a,2024-05-01T01:00:00Z,2024-05-01T01:00:00Z,1\n", "z,a,2024-0"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, more):
    put(tmp_path, "1", [sale("a", 1)])
    original = readers.read_csv

    def appended(files, path, spec, where, **options):
        with (tmp_path / "data/1.csv").open("a") as file:
            file.write(more)
        yield from original(files, path, spec, where, **options)

    monkeypatch.setattr(readers, "read_csv", appended)
    project = write_project(tmp_path, sources={"sales": DAYS})
    with pytest.raises(SourceError) as caught:
        ingest_source(project, "sales", at(9))
    assert str(caught.value) == (
        "source sales: data/1.csv: the file changed while it was read. "
        "Write files under another name, rename them when they are complete, and ingest again."
    )
    assert list(project.store.ids("source")) == []


@pytest.mark.parametrize("name", [b"\xff", b"1\n2", b"\x1b[31m"])
def test_a_file_whose_name_cannot_be_printed_is_refused(tmp_path, name):
    put(tmp_path, "1", [sale("a", 1)])
    (tmp_path / "data/1.csv").rename(os.fsdecode(os.fsencode(tmp_path) + b"/data/" + name + b".csv"))
    project = write_project(tmp_path, sources={"sales": DAYS})
    with pytest.raises(
        SourceError, match="its name has signs that cannot be printed, or is not text in UTF-8"
    ) as caught:
        ingest_source(project, "sales", at(3))
    assert str(caught.value).isprintable()
