"""Which parts of a source are read again, and that reading only some of them gives what reading all would."""

import os
import random

import pytest

from ml_platform.core.errors import DuplicateKey, EmptySource, SourceError
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
    assert read == ["1", "2", "1", "2", "1"]  # for the message the other file is looked at


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
