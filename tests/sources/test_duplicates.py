"""Rows with the same key and instant fail, unless it is declared what becomes of them."""

import pytest

from ml_platform.core.errors import DuplicateKey
from ml_platform.sources.ingest import ingest_source
from tests.features.world import SALES, at, sale, sales_project, write_project
from tests.sources.dirty_sales import ANY, HEADER, dirty, row
from tests.sources.test_ingest import log_of

DUPLICATES = [sale("x", 1, amount=1.0), sale("x", 1, amount=2.0), sale("x", 3, amount=3.0), sale("y", 1), sale("y", 1)]


def test_duplicates_fail_unless_declared(tmp_path):
    with pytest.raises(DuplicateKey):
        ingest_source(sales_project(tmp_path, DUPLICATES), "sales", at(4))


def test_the_latest_of_duplicates_is_the_one_that_was_read_last(tmp_path):
    project = sales_project(tmp_path, DUPLICATES, duplicates="keep_latest")
    ingested = ingest_source(project, "sales", at(4))
    expected = [("x", 2.0, 1.0, 3.0), ("y", 1.0, 1.0, None), ("x", 3.0, 3.0, None)]
    assert log_of(project, ingested.made.artifact) == expected
    assert (ingested.rows.new, ingested.rows.merged, ingested.rows.quarantined) == (3, 2, 0)
    second = ingest_source(project, "sales", at(5))
    assert second.made.artifact.id == ingested.made.artifact.id


def test_duplicates_that_differ_go_into_quarantine_together_and_equal_ones_are_one_row(tmp_path):
    project = sales_project(tmp_path, DUPLICATES, duplicates="quarantine", quarantine=ANY)
    ingested = ingest_source(project, "sales", at(4))
    assert log_of(project, ingested.made.artifact) == [("y", 1.0, 1.0, None), ("x", 3.0, 3.0, None)]
    assert (ingested.rows.new, ingested.rows.merged, ingested.rows.quarantined) == (2, 1, 2)
    assert [(row["_number"], row["_reason"], row["amount"]) for row in dirty(project)] == [
        (1, "duplicate_key", 1.0),
        (2, "duplicate_key", 2.0),
    ]


def test_the_latest_of_duplicates_in_several_files_does_not_depend_on_which_is_reread(tmp_path):
    (tmp_path / "data").mkdir()
    source = SALES | {"reader": {"csv": "data/*.csv"}, "duplicates": "keep_latest"}
    project = write_project(tmp_path, sources={"sales": source})
    (tmp_path / "data/a.csv").write_text(HEADER + row("x", "1"))
    (tmp_path / "data/b.csv").write_text(HEADER + row("x", "2"))
    ingest_source(project, "sales", at(4))
    (tmp_path / "data/a.csv").write_text(HEADER + row("x", "3") + row("y", "1"))
    later = ingest_source(project, "sales", at(5))
    assert [(log[0], log[1]) for log in log_of(project, later.made.artifact)] == [("x", 2.0), ("y", 1.0)]
