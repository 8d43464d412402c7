"""Which parts of a source are read again, and that reading only some of them gives what reading all would."""

import os
import random
import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import DuplicateKey, EmptySource, MissingFile, SchemaChanged, SourceError
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.reading import csv_cells as readers
from ml_platform.sources.source_log import FOREVER, chunk_names, source_versions
from tests.features.world import SALES, at, sale, write_csv, write_project

HEADER = list(SALES["columns"])
DAYS = {"reader": {"csv": "data/*.csv"}, **SALES}


@pytest.fixture
def read(monkeypatch):
    """Names of the CSV files that are read, in order."""
    names = []
    original = readers.read_csv

    def noted(files, path, spec, where, **options):
        names.append(where.removeprefix("data/").removesuffix(".csv"))
        yield from original(files, path, spec, where, **options)

    monkeypatch.setattr(readers, "read_csv", noted)
    return names


def put(directory, name, rows):
    path = directory / f"data/{name}.csv"
    before = path.stat().st_mtime_ns if path.exists() else 0
    write_csv(path, HEADER, rows)
    if before:
        os.utime(path, ns=(before + 10**9, before + 10**9))


def log_of(project, artifact):
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((row["id"], row["_known_at"], row["amount"], row["_until"] == FOREVER) for row in rows)


def test_only_new_and_changed_files_are_read(tmp_path, read):
    put(tmp_path, "1", [sale("a", 1)])
    put(tmp_path, "2", [sale("b", 2)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    ingest_source(project, "sales", at(3))
    put(tmp_path, "3", [sale("c", 4)])
    added = ingest_source(project, "sales", at(5))
    put(tmp_path, "2", [sale("b", 2, amount=9.0)])
    changed = ingest_source(project, "sales", at(6))
    (tmp_path / "data/1.csv").unlink()
    removed = ingest_source(project, "sales", at(7))
    assert read == ["1", "2", "3", "2"]
    assert [(made.new_rows, made.late, made.corrections) for made in (added, changed, removed)] == [
        (1, 0, 0),
        (1, 0, 1),
        (0, 0, 0),
    ]
    assert removed.made.artifact.id == changed.made.artifact.id
    assert log_of(project, removed.made.artifact) == [
        ("a", at(1), 1.0, True),
        ("b", at(2), 1.0, False),
        ("b", at(6), 9.0, True),
        ("c", at(4), 1.0, True),
    ]


def test_a_file_whose_rows_wait_to_be_known_is_reread_when_they_are(tmp_path, read):
    put(tmp_path, "1", [sale("a", 1)])
    put(tmp_path, "2", [sale("b", 2), sale("c", 8)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    counts = [ingest_source(project, "sales", at(hour)).new_rows for hour in (3, 7, 8, 9)]
    assert (counts, read) == ([2, 0, 1, 0], ["1", "2", "2"])


def test_a_changed_declaration_rereads_every_file(tmp_path, read):
    put(tmp_path, "1", [sale("a", 1)])
    ingest_source(write_project(tmp_path, sources={"sales": DAYS}), "sales", at(3))
    other = DAYS | {"reader": {"csv": "data/*.csv", "null_values": ["NA"]}}
    ingest_source(write_project(tmp_path, sources={"sales": other}), "sales", at(4))
    assert read == ["1", "1"]


def test_a_failed_ingest_rereads_the_file(tmp_path, read):
    put(tmp_path, "1", [sale("a", 1)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    ingest_source(project, "sales", at(3))
    (tmp_path / "data/2.csv").write_text("id,shop,at,seen,amount\nb,s,x,x,1\n")
    for hour in (4, 5):
        with pytest.raises(SourceError, match=r"data/2.csv: row 1: column at: 'x' is not a timestamp in ISO 8601"):
            ingest_source(project, "sales", at(hour))
    assert read == ["1", "2", "2"]


def test_an_older_version_in_a_changed_file_does_not_correct_a_newer_one_elsewhere(tmp_path, read):
    put(tmp_path, "1", [sale("a", 1, amount=1.0)])
    put(tmp_path, "2", [sale("a", 1, seen=2, amount=2.0)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    first = ingest_source(project, "sales", at(3))
    put(tmp_path, "1", [sale("a", 1, amount=7.0)])
    assert ingest_source(project, "sales", at(4)).made.artifact.id == first.made.artifact.id
    assert read == ["1", "2", "1", "1", "2"]  # the changed file alone does not tell, so all are read


def test_one_row_in_two_files_is_a_duplicate_also_where_one_of_them_was_read_before(tmp_path):
    put(tmp_path, "1", [sale("a", 1)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    ingest_source(project, "sales", at(3))
    put(tmp_path, "2", [sale("a", 1)])
    with pytest.raises(DuplicateKey, match="key id 'a': 2 rows are known at"):
        ingest_source(project, "sales", at(4))


def test_a_file_under_another_name_brings_nothing_new(tmp_path):
    put(tmp_path, "1", [sale("a", 1)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    first = ingest_source(project, "sales", at(3))
    (tmp_path / "data/1.csv").rename(tmp_path / "data/9.csv")
    assert ingest_source(project, "sales", at(4)).made.artifact.id == first.made.artifact.id


def test_a_source_that_has_lost_all_its_rows_is_an_error_and_an_empty_day_is_not(tmp_path):
    put(tmp_path, "1", [sale("a", 1)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    ingest_source(project, "sales", at(3))
    put(tmp_path, "2", [])
    assert ingest_source(project, "sales", at(4)).new_rows == 0
    (tmp_path / "data/2.csv").unlink()
    put(tmp_path, "1", [])
    with pytest.raises(EmptySource, match="there is no row"):
        ingest_source(project, "sales", at(5))


@pytest.mark.parametrize("seed", range(5))
def test_reading_what_changed_gives_the_log_that_reading_everything_gives(tmp_path, seed, monkeypatch):
    draw = random.Random(seed)
    files = {}
    projects = [write_project(tmp_path / name, sources={"sales": DAYS}) for name in ("some", "all")]
    for project in projects:
        put(project.root, "d", [sale("d", 1)])
    for hour in range(10, 18, 2):
        for name in draw.sample("abc", 2):
            ids = [f"{name}{draw.randint(0, 4)}" for _ in range(4)]
            files[name] = {id: sale(id, draw.randint(0, 3), seen=draw.randint(1, 20)) for id in ids}
            for row in files[name].values():
                row[-1] = float(draw.randint(0, 1))
            for project in projects:
                put(project.root, name, list(files[name].values()))
        logs = []
        for project, everything in zip(projects, (False, True), strict=True):
            with monkeypatch.context() as patched:
                if everything:
                    patched.setattr("ml_platform.sources.change_detection.unsettled", lambda parts, marks, now: parts)
                logs.append(log_of(project, ingest_source(project, "sales", at(hour)).made.artifact))
        assert logs[0] == logs[1]


def test_a_chunk_whose_keys_were_not_read_is_not_opened(tmp_path):
    month = 24 * 31
    put(tmp_path, "1", [sale("a", 1), sale("c", month)])
    project = write_project(tmp_path, sources={"sales": DAYS})
    first = ingest_source(project, "sales", at(month + 1)).made.artifact
    may, _ = chunk_names(first)
    for object_ in (may, f"{may}/keys"):
        next(project.state.glob(f"store/objects/*/{first.objects[object_].sha256}")).unlink()
    put(tmp_path, "2", [sale("c", month, seen=month + 2, amount=3.0), sale("b", month + 2)])
    opened = write_project(tmp_path, sources={"sales": DAYS})
    assert ingest_source(opened, "sales", at(month + 3)).new_rows == 2


# Functions of the project ----------------------------------------------------

FEED = """
import pathlib, pyarrow as pa
HERE = pathlib.Path(__file__).parent
SCHEMA = pa.schema([("id", pa.string()), ("shop", pa.string()), ("at", pa.timestamp("us", "UTC")),
                    ("seen", pa.timestamp("us", "UTC")), ("amount", pa.float64())])
def sales():
    calls = HERE / "calls"
    calls.write_text((calls.read_text() if calls.exists() else "") + "x")
    for number in range(3):
        when = [1_714_521_600_000_000 + number * 3_600_000_000]
        row = [pa.array([f"s{number}"]), pa.array(["a"]), *[pa.array(when, pa.timestamp("us", "UTC"))] * 2]
        batch = pa.record_batch([*row, pa.array([1.0])], schema=SCHEMA)
        yield batch if number else pa.Table.from_batches([batch])
def nothing():
    return iter(())
def breaks():
    yield pa.Table.from_pylist([], schema=SCHEMA)
    raise ValueError("the feed broke off")
def number():
    return 7
def none():
    return None
def version():
    return (HERE / "version").read_text()
"""


def feed(directory, **reader):
    directory.mkdir(exist_ok=True)
    (directory / "feed.py").write_text(FEED)
    return write_project(directory, sources={"sales": {**SALES, "reader": reader}})


def test_a_function_may_yield_batches_and_tables(tmp_path):
    project = feed(tmp_path, python="feed:sales")
    artifact = ingest_source(project, "sales", at(9)).made.artifact
    assert [(row[0], row[1]) for row in log_of(project, artifact)] == [(f"s{n}", at(n)) for n in range(3)]


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        ("nothing", EmptySource, "feed:nothing: there is no row"),
        ("breaks", SourceError, "feed:breaks: the reader failed with ValueError: the feed broke off"),
        ("number", SchemaChanged, "the reader returned int. Return an Arrow table or a DataFrame, or yield"),
        ("none", SchemaChanged, "the reader returned NoneType"),
    ],
)
def test_what_a_function_may_not_give_is_reported(tmp_path, function, kind, message):
    with pytest.raises(kind, match=message):
        ingest_source(feed(tmp_path, python=f"feed:{function}"), "sales", at(9))


def test_a_function_with_an_equal_fingerprint_is_not_called(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:version")
    calls: list[Any] = []
    for version in ("1", "1", "2"):
        (tmp_path / "version").write_text(version)
        ingest_source(project, "sales", at(9 + len(calls)))
        calls.append((tmp_path / "calls").read_text())
    assert calls == ["x", "x", "xx"]


def test_a_fingerprint_that_is_no_text_is_an_error(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:number")
    with pytest.raises(SourceError, match=r"feed:number: the fingerprint is int\. Return a text that changes"):
        ingest_source(project, "sales", at(9))


# Files elsewhere -------------------------------------------------------------


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
        "source sales: data/2.parquet: column amount is bool, declared float; in data/1.parquet it is "
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


# What may have arrived -------------------------------------------------------


def test_a_changed_fingerprint_of_a_function_is_noticed_from_the_outside(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:version")
    seen = []
    for version in ("1", "1", "2"):
        (tmp_path / "version").write_text(version)
        seen.append(source_fingerprints(project, at(1))["sales"])
    assert seen[0] == seen[1] != seen[2]
    assert not (tmp_path / "calls").exists()


def test_a_fingerprint_that_fails_is_reported_by_the_ingest(tmp_path):
    project = feed(tmp_path, python="feed:sales", fingerprint="feed:version")
    assert source_fingerprints(project, at(1))["sales"]  # there is no file to read the version from
    with pytest.raises(MissingFile, match="feed:version: no such file"):
        ingest_source(project, "sales", at(9))


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
