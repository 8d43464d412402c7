"""Of a file that only grew, what was appended is read."""

import random
from datetime import datetime

import pytest

from ml_platform.core.errors import SchemaChanged
from ml_platform.sources.ingest import ingest_source
from tests.features.world import at, sale, sales_project
from tests.sources.test_ingest import log_of


@pytest.fixture
def read_rows(monkeypatch):
    """How many rows each reading of a file gave."""
    counts = []
    from ml_platform.sources.reading import csv_cells

    original = csv_cells.read_csv

    def noted(*args, **options):
        counts.append(0)
        for table in original(*args, **options):
            counts[-1] += table.rows
            yield table

    monkeypatch.setattr(csv_cells, "read_csv", noted)
    return counts


def append(path, rows, end="\n"):
    lines = [",".join(cell.isoformat() if isinstance(cell, datetime) else str(cell) for cell in row) for row in rows]
    with path.open("a") as file:
        file.write("\n".join(lines) + end)


def test_only_what_was_appended_to_a_file_is_read(tmp_path, read_rows):
    project = sales_project(tmp_path, [sale(f"a{n}", n / 100) for n in range(50)])
    path = tmp_path / "data/sales.csv"
    ingest_source(project, "sales", at(3))
    append(path, [sale("b", 4), sale("c", 2)])
    ingested = ingest_source(project, "sales", at(5))
    assert (ingested.new_rows, ingested.late, read_rows) == (2, 1, [50, 2])
    assert not ingested.upstream.missing.any
    append(path, [sale("d", 6)])
    assert ingest_source(project, "sales", at(7)).new_rows == 1
    assert read_rows == [50, 2, 1]
    assert len(log_of(project, ingest_source(project, "sales", at(8)).made.artifact)) == 53
    append(path, [["e", "a", at(8), at(8), "much"]])
    with pytest.raises(SchemaChanged, match=r"data/sales\.csv: row 54: column amount: 'much' is not a float"):
        ingest_source(project, "sales", at(9))


def test_a_file_is_read_whole_where_what_was_read_has_changed(tmp_path, read_rows):
    project = sales_project(tmp_path, [sale("a", 1, amount=1.0), sale("b", 1)])
    path = tmp_path / "data/sales.csv"
    ingest_source(project, "sales", at(3))
    path.write_text(path.read_text().replace("1.0", "7.0", 1))
    append(path, [sale("c", 4)])
    ingested = ingest_source(project, "sales", at(5))
    assert (ingested.new_rows, ingested.corrections, read_rows) == (2, 1, [2, 3])


def test_a_last_row_without_a_line_break_is_read_with_what_follows(tmp_path, read_rows):
    project = sales_project(tmp_path, [])
    path = tmp_path / "data/sales.csv"
    append(path, [sale("a", 1, amount=1)], end="")
    ingest_source(project, "sales", at(3))
    with path.open("a") as file:
        file.write("5\n")
    ingested = ingest_source(project, "sales", at(5))
    assert (ingested.corrections, read_rows) == (1, [1, 1])
    assert log_of(project, ingested.made.artifact) == [("a", 1.0, 1.0, 5.0), ("a", 15.0, 5.0, None)]


def test_appended_rows_that_contradict_the_log_are_judged_with_the_whole_file(tmp_path, read_rows):
    project = sales_project(tmp_path, [sale("a", 1, seen=2, amount=1.0), sale("b", 1)])
    path = tmp_path / "data/sales.csv"
    ingest_source(project, "sales", at(3))
    append(path, [sale("a", 1, seen=1, amount=5.0)])  # an older version of a row that the log has: no correction
    ingested = ingest_source(project, "sales", at(5))
    assert (ingested.new_rows, read_rows) == (0, [2, 1, 3])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_log_read_by_what_was_appended_is_the_one_of_whole_readings(tmp_path, seed):
    logs = []
    for rewrite in (False, True):
        draw = random.Random(seed)
        project = sales_project(tmp_path / str(rewrite), [sale("first", 0)])
        path = tmp_path / str(rewrite) / "data/sales.csv"
        for now in (4, 8, 12, 16):
            seen = draw.sample(range(now * 60 + 60), 6)
            append(path, [sale(f"k{draw.randint(0, 7)}", 0, minute / 60, draw.randint(1, 3)) for minute in seen])
            if rewrite:  # a comment-free change of the header's end makes every reading one of the whole file
                text = path.read_text()
                swapped = text.replace("\r\n", "\n", 1) if "\r\n" in text else text.replace("\n", "\r\n", 1)
                path.write_bytes(swapped.encode())
            ingested = ingest_source(project, "sales", at(now))
        logs.append(log_of(project, ingested.made.artifact))
    assert logs[0] == logs[1]
