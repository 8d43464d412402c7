"""What becomes of dirty rows: which are set aside, which stop an ingest, and how they come back."""

import json

import pytest

from ml_platform.core.errors import DeclarationError, SourceError, TooManyDirtyRows
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingest_history import last_ingest
from tests.features.world import SALES, at, sale, sales_project, write_project
from tests.sources.dirty_sales import ANY, HEADER, dirty, places, row, write
from tests.sources.test_ingest import log_of, rewrite


def test_a_row_at_a_time_that_clocks_skip_does_not_stop_155_848_others(tmp_path):
    lines = ["basket,at,amount"]
    lines += [f"{n},2024-03-{1 + n % 9:02d}T{n % 24:02d}:{n % 60:02d}:00,{n % 100}" for n in range(155_848)]
    lines.insert(100_000, "155848,2024-03-10T02:30:00,5")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/sales.csv").write_text("\n".join(lines) + "\n")
    columns = {"basket": "int", "at": {"type": "timestamp", "zone": "America/New_York"}, "amount": "float"}
    source = {
        **{"reader": {"csv": "data/sales.csv"}, "key": ["basket"], "event_timestamp": "at", "columns": columns},
        **{"known_at": {"delay": "0s"}, "on_error": "quarantine", "quarantine": {"at_most": "0.001%"}},
    }
    project = write_project(tmp_path, sources={"sales": source}, entities={"basket": ["basket"]})
    ingested = ingest_source(project, "sales", at(0))
    assert (ingested.new_rows, ingested.rows.quarantined, ingested.rows.read) == (155_848, 1, 155_849)
    assert places(project) == [("data/sales.csv", 100_000, 100_001, "at", "skipped_time")]
    [dirty_row] = dirty(project)
    assert (dirty_row["basket"], dirty_row["at"], dirty_row["amount"]) == (155848, None, 5.0)
    assert json.loads(dirty_row["_cells"]) == {"at": "2024-03-10T02:30:00"}
    assert dirty_row["_problem"] == "is a time that clocks in America/New_York skip"


def test_without_a_policy_one_dirty_row_stops_the_ingest(tmp_path):
    project = write(tmp_path, HEADER + row("x") + row("y", "one"))
    with pytest.raises(SourceError, match=r"row 2: column amount: 'one' is not a float"):
        ingest_source(project, "sales", at(9))
    assert last_ingest(project.database, "sales") is None


def test_each_reason_is_set_aside_with_its_row_and_line(tmp_path):
    content = (
        HEADER.encode()
        + row("ok").encode()
        + b'"two\nlines",a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1\n'
        + row("number", "1e999").encode()
        + row("", "1").encode()
        + row("cells", "1,2").encode()
        + row("naive", seen="2024-05-01 00:00").encode()
        + row("year", seen="9999999-05-01T00:00:00Z").encode()
        + b"\n"
        + row("text", shop="\xff").encode("latin-1")
        + row("last", "x y").encode()
    )
    project = write(tmp_path, content, on_error="quarantine", quarantine=ANY)
    ingested = ingest_source(project, "sales", at(9))
    assert [log[0] for log in log_of(project, ingested.made.artifact)] == ["ok", "two\nlines"]
    assert [place[1:] for place in places(project)] == [
        (3, 5, "amount", "infinite_number"),
        (4, 6, "id", "missing_value"),
        (5, 7, None, "wrong_cell_count"),
        (6, 8, "seen", "no_time_zone"),
        (7, 9, "seen", "wrong_value"),
        (8, 11, "shop", "not_utf8"),
        (9, 12, "amount", "wrong_value"),
    ]
    texts = [(json.loads(log["_cells"] or "{}"), log["_text"]) for log in dirty(project)]
    assert texts[0] == ({"amount": "1e999"}, None)
    assert texts[2] == ({}, "cells,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1,2")
    assert texts[5] == ({"shop": "\\xff"}, None)


def test_a_corrected_row_is_known_from_the_ingest_that_first_could_read_it(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2, amount="two")], on_error="quarantine", quarantine=ANY)
    ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1), sale("y", 2, amount=2.0)])
    later = ingest_source(project, "sales", at(6))
    assert (later.new_rows, later.late, later.corrections) == (1, 1, 0)
    assert log_of(project, later.made.artifact) == [("x", 1.0, 1.0, None), ("y", 2.0, 6.0, None)]
    assert dirty(project) == []
    assert later.upstream.notes() == ()


def test_a_dirty_row_that_stays_is_counted_once_and_keeps_its_first_ingest(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2, amount="two")], on_error="quarantine", quarantine=ANY)
    first = ingest_source(project, "sales", at(4))
    same = ingest_source(project, "sales", at(5))
    rewrite(project, [sale("x", 1), sale("w", 1), sale("y", 2, amount="two")])
    third = ingest_source(project, "sales", at(6))
    for ingested in (first, same, third):
        assert ingested.upstream.quarantined.rows == 1
    assert same.made.reused
    assert [(dirty_row["_number"], dirty_row["_since"]) for dirty_row in dirty(project)] == [(3, at(4))]
    assert third.upstream.quarantined.since == "2024-05-01T04:00:00.000000Z"
    assert third.upstream.missing.rows == third.upstream.fewer.rows == 0


def test_a_row_of_the_log_that_becomes_dirty_keeps_what_it_was_and_is_not_reported_missing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 2)], on_error="quarantine", quarantine=ANY)
    ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1), sale("y", 2, amount="two")])
    later = ingest_source(project, "sales", at(6))
    assert later.made.reused
    assert (later.rows.read, later.rows.unchanged, later.rows.quarantined) == (2, 1, 1)
    assert (later.upstream.missing.rows, later.upstream.fewer.rows) == (0, 0)


def test_files_that_are_not_reread_keep_their_dirty_rows(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text(HEADER + row("a") + row("b", "bad"))
    (tmp_path / "data/b.csv").write_text(HEADER + row("c") + row("d", "worse"))
    source = SALES | {"reader": {"csv": "data/*.csv"}, "on_error": "quarantine", "quarantine": ANY}
    project = write_project(tmp_path, sources={"sales": source})
    ingest_source(project, "sales", at(4))
    (tmp_path / "data/b.csv").write_text(HEADER + row("c") + row("d", "2"))
    (tmp_path / "data/c.csv").write_text(HEADER + row("e", "worst"))
    later = ingest_source(project, "sales", at(5))
    assert later.rows.read == 3
    assert [(place[0], place[1]) for place in places(project)] == [("data/a.csv", 2), ("data/c.csv", 1)]
    assert [dirty_row["_since"] for dirty_row in dirty(project)] == [at(4), at(5)]


def test_a_dirty_row_of_a_file_that_is_gone_stays_until_a_clean_row_has_its_key(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text(HEADER + row("a") + row("b", "bad"))
    (tmp_path / "data/b.csv").write_text(HEADER + row("c"))
    source = SALES | {"reader": {"csv": "data/*.csv"}, "on_error": "quarantine", "quarantine": ANY}
    project = write_project(tmp_path, sources={"sales": source})
    ingest_source(project, "sales", at(4))
    (tmp_path / "data/a.csv").unlink()
    (tmp_path / "data/b.csv").write_text(HEADER + row("c") + row("d"))
    ingest_source(project, "sales", at(5))
    assert [place[0] for place in places(project)] == ["data/a.csv"]
    (tmp_path / "data/b.csv").write_text(HEADER + row("c") + row("d") + row("b"))
    ingest_source(project, "sales", at(6))
    assert places(project) == []


def test_a_value_that_does_not_fit_may_become_null(tmp_path):
    columns = SALES["columns"] | {"amount": {"type": "float", "on_error": None}}
    project = sales_project(
        tmp_path, [sale("x", 1), sale("y", 2, amount="two"), sale("z", 3, amount="")], columns=columns, quarantine=ANY
    )
    ingested = ingest_source(project, "sales", at(4))
    assert log_of(project, ingested.made.artifact)[1:] == [("y", None, 2.0, None), ("z", None, 3.0, None)]
    assert (ingested.rows.quarantined, ingested.upstream.nulled.rows) == (0, 1)
    assert [(dirty_row["_handled"], json.loads(dirty_row["_cells"])) for dirty_row in dirty(project)] == [
        ("null", {"amount": "two"})
    ]


def test_null_for_a_source_sets_rows_aside_that_need_the_value(tmp_path):
    rows = [sale("x", 1), sale("y", 2, amount="two"), [None, "a", at(1), at(1), 1.0], ["w", "a", "noon", at(1), "one"]]
    project = sales_project(tmp_path, rows, on_error="null", quarantine=ANY)
    ingested = ingest_source(project, "sales", at(4))
    assert [actual[0] for actual in log_of(project, ingested.made.artifact)] == ["x", "y"]
    actual = [(row["_number"], row["_column"], row["_handled"]) for row in dirty(project)]
    assert actual == [(2, "amount", "null"), (3, "id", "quarantine"), (4, "at", "quarantine")]
    assert json.loads(dirty(project)[2]["_cells"]) == {"amount": "one", "at": "noon"}


def test_a_column_that_fails_stops_the_ingest_of_a_source_that_quarantines(tmp_path):
    columns = SALES["columns"] | {"amount": {"type": "float", "on_error": "fail"}}
    project = sales_project(
        tmp_path, [sale("x", 1), sale("y", 2, amount="two")], columns=columns, on_error="quarantine"
    )
    with pytest.raises(SourceError, match="'two' is not a float"):
        ingest_source(project, "sales", at(4))


@pytest.mark.parametrize(("bad", "passes"), [(2, True), (3, False)])
def test_more_dirty_rows_than_the_limit_stop_the_ingest_and_write_nothing(tmp_path, bad, passes):
    rows = [sale(f"x{n}", 1) for n in range(199 - bad)] + [sale(f"y{n}", 1, amount="?") for n in range(bad)]
    project = sales_project(tmp_path, [*rows, sale("z", 1)], on_error="quarantine")
    if passes:  # 1 % of 200
        assert ingest_source(project, "sales", at(4)).rows.quarantined == 2
        return
    with pytest.raises(TooManyDirtyRows) as caught:
        ingest_source(project, "sales", at(4))
    assert str(caught.value) == (
        "source sales: its rows: 3 of 200 rows read are dirty, and quarantine.at_most is 1%: 3 wrong_value in amount, "
        'such as data/sales.csv: row 197 (line 198) {"amount":"?"}. Correct the data, or raise quarantine.at_most.'
    )
    assert last_ingest(project.database, "sales") is None
    assert list(project.store.ids("quarantine")) == []


def test_one_dirty_row_never_stops_an_ingest(tmp_path):
    project = sales_project(
        tmp_path, [sale("x", 1), sale("y", 1, amount="?")], on_error="quarantine", quarantine={"at_most": "0.1%"}
    )
    assert ingest_source(project, "sales", at(4)).rows.quarantined == 1


def test_a_policy_that_is_added_later_continues_the_log(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    ingest_source(project, "sales", at(4))
    rewrite(project, [sale("x", 1), sale("late", 2)])
    before = ingest_source(project, "sales", at(5))
    rewrite(project, [sale("x", 1), sale("late", 2), sale("y", 2, amount="two")])
    changed = write_project(
        tmp_path, sources={"sales": {"reader": {"csv": "data/sales.csv"}, **SALES, "on_error": "quarantine"}}
    )
    after = ingest_source(changed, "sales", at(6))
    assert after.made.artifact.id == before.made.artifact.id
    assert [place[1] for place in places(changed)] == [3]


def test_rows_in_quarantine_warn_and_block_nothing(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 1, amount="?")], on_error="quarantine")
    [check] = ingest_source(project, "sales", at(4)).checks
    assert (check.name, check.passed, check.blocks) == ("quarantine", False, False)
    assert check.summary["quarantined_rows"] == 1
    rewrite(project, [sale("x", 1), sale("y", 1)])
    [check] = ingest_source(project, "sales", at(5)).checks
    assert check.passed


FAULTS = {
    "a key that may be null": (
        {"columns": SALES["columns"] | {"id": {"type": "string", "on_error": "null"}}},
        "columns.id.on_error",
    ),
    "a limit without a policy": ({"quarantine": {"at_most": "5%"}}, "quarantine"),
    "a share of nothing": ({"on_error": "quarantine", "quarantine": {"at_most": "0%"}}, "above 0 %"),
    "no policy": ({"on_error": "ignore"}, "on_error"),
}


@pytest.mark.parametrize(("changes", "words"), FAULTS.values(), ids=FAULTS)
def test_a_policy_that_cannot_hold_is_a_fault(tmp_path, changes, words):
    with pytest.raises(DeclarationError, match=words):
        sales_project(tmp_path, [sale("x", 1)], **changes)


def test_a_file_that_only_grew_keeps_the_dirty_rows_of_what_is_not_reread(tmp_path):
    project = write(tmp_path, HEADER + row("a") + row("b", "bad"), on_error="quarantine", quarantine=ANY)
    ingest_source(project, "sales", at(4))
    with (tmp_path / "data/sales.csv").open("a") as file:
        file.write(row("c") + row("d", "worse"))
    later = ingest_source(project, "sales", at(5))
    assert (later.rows.read, later.new_rows) == (2, 1)
    rows = [(dirty_row["_number"], dirty_row["_line"], dirty_row["_since"]) for dirty_row in dirty(project)]
    assert rows == [(2, 3, at(4)), (4, 5, at(5))]
