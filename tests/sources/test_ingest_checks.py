"""Checks at ingest: new rows that fail are set aside, and the source stays as it is."""

from functools import partial
from typing import Any

import pytest

from ml_platform.sources.checks.results import CheckResult, ChecksFailed
from ml_platform.sources.checks.run import run_expectations
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingest_history import last_ingest
from tests.features.world import at, sale, sales_project, write_csv, write_project
from tests.sources.test_ingest import rewrite

EXPECTED = [{"expect": "column_values_to_be_between", "args": {"column": "amount", "max_value": 5}}]


def checked(limit=5.0, severity="error"):
    def run(expectations, frame):
        failing = frame[frame["amount"] > limit]
        rows = failing[["id", "amount"]].to_dict("records")
        summary = {"problem": "is too dear"} if len(failing) else {}
        return [CheckResult("dear", not len(failing), severity, summary, rows)]

    return run


def test_new_rows_that_fail_a_check_are_set_aside_and_the_source_stays(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)], expectations=EXPECTED)
    before = ingest_source(project, "sales", at(4), checked()).made.artifact
    rewrite(project, [sale("x", 1), sale("y", 5, amount=9.0)])
    with pytest.raises(ChecksFailed, match="sources/sales: check dear is too dear, such as") as caught:
        ingest_source(project, "sales", at(6), checked())
    assert caught.value.results[0].failing_rows == [{"id": "y", "amount": 9.0}]
    assert last_ingest(project.database, "sales").id == before.id
    [quarantined] = project.store.ids("quarantine")
    assert project.store.get("quarantine", quarantined).about["rows"] == 1
    rewrite(project, [sale("x", 1), sale("y", 5, amount=3.0)])
    assert ingest_source(project, "sales", at(7), checked()).new_rows == 1


def test_checks_see_only_new_rows_and_are_repeated_when_nothing_is_new(tmp_path):
    seen = []

    def run(expectations, frame):
        seen.append(list(frame["id"]))
        return [CheckResult("some", True)]

    project = sales_project(tmp_path, [sale("x", 1)], expectations=EXPECTED)
    ingest_source(project, "sales", at(4), run)
    rewrite(project, [sale("x", 1), sale("y", 5)])
    ingest_source(project, "sales", at(6), run)
    ingested = ingest_source(project, "sales", at(7), run)
    assert seen == [["x"], ["y"]]
    assert [result.name for result in ingested.checks] == ["some"]


UNIQUE = [{"expect": "column_values_to_be_unique", "args": {"column": "shop"}}]


def test_uniqueness_is_checked_over_the_whole_source(tmp_path):
    run = partial(run_expectations, key=["id"])
    project = sales_project(tmp_path, [sale("x", 1, shop="p"), sale("y", 2, shop="q")], expectations=UNIQUE)
    ingest_source(project, "sales", at(4), run)
    rewrite(project, [sale("x", 1, shop="p"), sale("y", 2, shop="q"), sale("z", 5, shop="p")])
    with pytest.raises(ChecksFailed) as caught:
        ingest_source(project, "sales", at(6), run)
    [result] = caught.value.results
    assert [row["id"] for row in result.failing_rows] == ["x", "z"]


def test_a_value_that_a_correction_moves_to_another_row_is_unique(tmp_path):
    run = partial(run_expectations, key=["id"])
    project = sales_project(tmp_path, [sale("x", 1, shop="p"), sale("y", 2, shop="q")], expectations=UNIQUE)
    ingest_source(project, "sales", at(4), run)
    rewrite(project, [sale("x", 1, shop="r"), sale("y", 2, shop="q"), sale("z", 5, shop="p")])
    assert ingest_source(project, "sales", at(6), run).checks[0].passed
    other = sales_project(tmp_path, [sale("x", 1, shop="r"), sale("y", 2, shop="q"), sale("z", 5, shop="p")])
    strict = sales_project(
        other.root,
        [sale("x", 1, shop="r"), sale("y", 2, shop="q"), sale("z", 5, shop="p")],
        expectations=[UNIQUE[0] | {"severity": "warn"}],
    )
    assert ingest_source(strict, "sales", at(7), run).checks[0].passed  # judged anew: what was replaced is left out


def test_declared_versions_of_one_key_count_once_where_a_column_is_to_be_unique(tmp_path):
    run = partial(run_expectations, key=["id"])
    rows = [sale("x", 1, seen=1, shop="p"), sale("x", 1, seen=3, shop="p")]
    project = sales_project(tmp_path, rows, expectations=UNIQUE)
    assert ingest_source(project, "sales", at(4), run).checks[0].passed


def test_changed_expectations_are_held_against_all_rows(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, amount=9.0)])
    ingest_source(project, "sales", at(4), checked())
    stricter = sales_project(tmp_path, [sale("x", 1, amount=9.0)], expectations=EXPECTED)
    [result] = ingest_source(stricter, "sales", at(5), checked()).checks
    assert not result.passed


def test_a_warning_lets_rows_pass(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, amount=9.0)], expectations=EXPECTED)
    ingested = ingest_source(project, "sales", at(4), checked(severity="warn"))
    assert (ingested.new_rows, ingested.checks[0].passed) == (1, False)


def test_freshness_is_a_check_of_the_newest_known_row(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)], freshness="6h")
    [fresh] = ingest_source(project, "sales", at(7)).checks
    [stale] = ingest_source(project, "sales", at(7.5)).checks
    assert (fresh.name, fresh.passed) == ("freshness", True)
    assert (stale.passed, stale.blocks) == (False, True)
    assert stale.summary["problem"] == "newest row became known 390m ago, limit 6h"


def test_expectations_see_whole_numbers_that_no_float_has(tmp_path):
    """Two numbers that are one float, with a null beside them."""
    write_csv(
        tmp_path / "data/sales.csv",
        ["id", "k", "at"],
        [("a", 2**53, at(1)), ("b", 2**53 + 1, at(1)), ("c", None, at(1))],
    )
    expected: dict[str, dict[str, Any]] = {
        "column_values_to_be_unique": {},
        "column_values_to_be_in_set": {"value_set": [2**53]},
        "column_values_to_be_between": {"max_value": 2**53},
    }
    source = {
        "reader": {"csv": "data/sales.csv"},
        "key": ["id"],
        "event_timestamp": "at",
        "known_at": {"delay": "0s"},
        "columns": {"id": "string", "k": "int", "at": "timestamp"},
        "expectations": [
            {"expect": name, "args": {"column": "k", **args}, "severity": "warn"} for name, args in expected.items()
        ],
    }
    project = write_project(tmp_path, sources={"sales": source})
    checks = ingest_source(project, "sales", at(4), partial(run_expectations, key=["id"])).checks
    passed = {check.name.removesuffix("_k"): check.passed for check in checks if check.name.endswith("_k")}
    assert passed == {
        "column_values_to_be_unique": True,
        "column_values_to_be_in_set": False,
        "column_values_to_be_between": False,
    }
