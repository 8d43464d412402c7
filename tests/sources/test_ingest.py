"""What becomes of rows when a source is read again and again."""

from datetime import timedelta

import pytest

from ml_platform.core.errors import (
    RefConflict,
)
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingest_history import last_ingest, late_rows, record_ingest
from ml_platform.sources.source_log import chunk_names, source_versions
from tests.features.world import SALES, at, sale, sales_project, write_csv

HEADER = list(SALES["columns"])


def rewrite(project, rows):
    write_csv(project.root / "data/sales.csv", HEADER, rows)


def log_of(project, artifact):
    """(id, amount, known from, known until) in hours, in order of being known; None is for ever."""
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    start = (at(0) - at(0).replace(year=1970, month=1, day=1)) // timedelta(microseconds=1)
    hours = [(row["_known"] - start) / 3.6e9 for row in rows]
    until = [None if row["_until"] == 2**62 else (row["_until"] - start) / 3.6e9 for row in rows]
    intervals = [(row["id"], row["amount"], known, end) for row, known, end in zip(rows, hours, until, strict=True)]
    return sorted(intervals, key=lambda row: (row[2], row[0]))


def test_a_first_load_takes_its_known_at_from_the_declaration(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2, seen=3)])
    ingested = ingest_source(project, "sales", at(9))
    assert (ingested.new_rows, ingested.late, ingested.corrections, ingested.made.reused) == (2, 0, 0, False)
    assert log_of(project, ingested.made.artifact) == [("x", 1.0, 1.0, None), ("y", 1.0, 3.0, None)]
    assert ingested.made.artifact.about["known"] == ["2024-05-01T01:00:00.000000Z", "2024-05-01T03:00:00.000000Z"]


def test_known_at_by_delay_may_lie_ahead(tmp_path):
    project = sales_project(tmp_path, [sale("x", 5)], known_at={"delay": "-2h"})
    assert log_of(project, ingest_source(project, "sales", at(4)).made.artifact) == [("x", 1.0, 3.0, None)]


def test_rows_that_are_not_known_yet_wait_for_later(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 5)])
    assert ingest_source(project, "sales", at(4)).new_rows == 1
    later = ingest_source(project, "sales", at(6))
    assert (later.new_rows, later.late) == (1, 0)
    assert log_of(project, later.made.artifact) == [("x", 1.0, 1.0, None), ("y", 1.0, 5.0, None)]


def test_nothing_new_gives_the_same_artifact(tmp_path):
    rows = [sale("x", 1), sale("y", 2)]
    project = sales_project(tmp_path, rows)
    first = ingest_source(project, "sales", at(4))
    same_file = ingest_source(project, "sales", at(5))
    rewrite(project, rows[::-1])
    same_rows = ingest_source(project, "sales", at(6))
    assert [made.made.reused for made in (first, same_file, same_rows)] == [False, True, True]
    assert {made.made.artifact.id for made in (first, same_file, same_rows)} == {first.made.artifact.id}


def test_an_unchanged_file_is_not_reread(tmp_path, monkeypatch):
    project = sales_project(tmp_path, [sale("x", 1)])
    ingest_source(project, "sales", at(4))
    monkeypatch.setattr("ml_platform.sources.ingest.read_parts", lambda *_: pytest.fail("the file was read again"))
    assert ingest_source(project, "sales", at(5)).made.reused


def test_a_row_that_should_have_been_known_before_arrived_late(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1), sale("late", 2), sale("new", 5)])
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.new_rows, ingested.late, ingested.corrections) == (2, 1, 0)
    assert late_rows(project.database, "sales") == (1, 3)
    expected = [("x", 1.0, 1.0, None), ("new", 1.0, 5.0, None), ("late", 1.0, 6.0, None)]
    assert log_of(project, ingested.made.artifact) == expected


def test_a_changed_row_is_a_correction_known_from_its_ingest(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, amount=1.0)])
    ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1, amount=7.0)])
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.new_rows, ingested.late, ingested.corrections) == (1, 0, 1)
    assert log_of(project, ingested.made.artifact) == [("x", 1.0, 1.0, 6.0), ("x", 7.0, 6.0, None)]


def test_a_row_that_changes_back_is_a_second_correction(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, amount=1.0)])
    ingest_source(project, "sales", at(4))
    for hour, amount in ((6, 7.0), (8, 1.0)):
        rewrite(project, [sale("x", 1, amount=amount)])
        last = ingest_source(project, "sales", at(hour))
    expected = [("x", 1.0, 1.0, 6.0), ("x", 7.0, 6.0, 8.0), ("x", 1.0, 8.0, None)]
    assert log_of(project, last.made.artifact) == expected


def test_two_corrections_at_one_instant_leave_the_second(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, amount=1.0)])
    for amount in (1.0, 2.0, 3.0):
        rewrite(project, [sale("x", 1, amount=amount)])
        last = ingest_source(project, "sales", at(4))
    log = log_of(project, last.made.artifact)
    assert sorted(log, key=lambda row: row[1]) == [("x", 1.0, 1.0, 4.0), ("x", 2.0, 4.0, 4.0), ("x", 3.0, 4.0, None)]


def test_declared_versions_of_one_key_follow_each_other(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, seen=1, amount=1.0), sale("x", 1, seen=3, amount=2.0)])
    assert log_of(project, ingest_source(project, "sales", at(9)).made.artifact) == [
        ("x", 1.0, 1.0, 3.0),
        ("x", 2.0, 3.0, None),
    ]


def test_a_changed_version_that_was_superseded_changes_nothing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, seen=1, amount=1.0), sale("x", 1, seen=3, amount=2.0)])
    ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1, seen=1, amount=9.0), sale("x", 1, seen=3, amount=2.0)])
    assert ingest_source(project, "sales", at(6)).made.reused


def test_a_row_that_is_gone_upstream_is_kept(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2)])
    first = ingest_source(project, "sales", at(4))
    rewrite(project, [sale("y", 2)])
    assert ingest_source(project, "sales", at(5)).made.artifact.id == first.made.artifact.id


def test_an_ingest_before_the_last_one_changes_nothing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    first = ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1, amount=5.0)])
    assert ingest_source(project, "sales", at(3)).made.artifact.id == first.made.artifact.id


def test_another_meaning_of_rows_restarts_the_log(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    ingest_source(project, "sales", at(4))
    changed = sales_project(tmp_path, [sale("x", 1)], known_at={"delay": "2h"})
    assert log_of(changed, ingest_source(changed, "sales", at(5)).made.artifact) == [("x", 1.0, 3.0, None)]


def test_a_changed_description_changes_nothing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    first = ingest_source(project, "sales", at(4))
    described = sales_project(tmp_path, [sale("x", 1)], description="Told better.")
    assert ingest_source(described, "sales", at(5)).made.artifact.id == first.made.artifact.id


def test_the_id_follows_from_the_rows_whatever_their_order(tmp_path):
    rows = [sale("x", 1), sale("y", 700), sale("z", 2), sale("w", 2)]
    ids = []
    for number, ordered in enumerate((rows, rows[::-1])):
        project = sales_project(tmp_path / str(number), ordered)
        ids.append(ingest_source(project, "sales", at(900)).made.artifact.id)
    assert ids[0] == ids[1]


def test_chunks_are_by_month_and_a_later_ingest_adds_more(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 24 * 40)])
    first = ingest_source(project, "sales", at(24 * 41)).made.artifact
    rewrite(project, [sale("z", 24 * 42)])
    second = ingest_source(project, "sales", at(24 * 43)).made.artifact
    assert chunk_names(first) == ["000001/2024-05", "000001/2024-06"]
    assert chunk_names(second) == [*chunk_names(first), "000002/2024-06"]
    assert second.objects.items() > first.objects.items()


def test_two_ingests_at_once_do_not_overwrite_each_other(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    ingest_source(project, "sales", at(4))
    done = last_ingest(project.database, "sales")
    with pytest.raises(RefConflict, match="sources/sales is ingest 1, not ingest 0"):
        record_ingest(project.database, "sales", done)
