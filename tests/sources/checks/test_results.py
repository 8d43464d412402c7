"""Checks are recorded beside their node, and stop what depends on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import BrokenInput
from ml_platform.sources.checks.results import (
    CheckResult,
    ChecksFailed,
    check_history,
    last_recording,
    record_checks,
    require_healthy,
    sample_rows,
)
from ml_platform.storage.database import Database

AT = datetime(2024, 3, 1, tzinfo=UTC)
GOOD = CheckResult("not_null", passed=True)
BAD = CheckResult("between", passed=False, summary={"problem": "failed for 2 of 9 rows"}, failing_rows=[{"amount": -1}])
WARNED = CheckResult("fresh", passed=False, severity="warn")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'platform.sqlite'}")


def test_a_failed_check_stops_what_depends_on_its_node(database: Database) -> None:
    record_checks(database, "sources/orders", [GOOD, BAD], "run1", AT)
    with pytest.raises(BrokenInput) as caught:
        require_healthy(database, "features/recent", ["sources/deliveries", "sources/orders"])
    assert caught.value.upstream == "sources/orders"
    assert str(caught.value) == (
        "features/recent: input sources/orders failed between. Nothing was computed from it, and what was deployed "
        "stays. Repair the data and materialize sources/orders again."
    )


def test_the_history_counts_recordings_and_which_checks_failed(database: Database) -> None:
    for day, results in enumerate([[GOOD], [GOOD, BAD], [WARNED, BAD], [GOOD]]):
        record_checks(database, "sources/orders", results, f"run{day}", AT + timedelta(days=day))
    record_checks(database, "sources/other", [BAD], "run9", AT)
    history = check_history(database, "sources/orders")
    assert (history.recorded, history.failed) == (4, 2)
    assert list(history.names.items()) == [("between", 2), ("fresh", 1)]
    assert history.last_failed == AT + timedelta(days=2)
    assert check_history(database, "sources/none").last_failed is None


def test_a_warning_stops_nothing(database: Database) -> None:
    record_checks(database, "sources/orders", [GOOD, WARNED], "run1", AT)
    require_healthy(database, "features/recent", ["sources/orders"])


def test_a_node_that_was_never_checked_stops_nothing(database: Database) -> None:
    require_healthy(database, "features/recent", ["sources/orders"])


def test_a_later_recording_replaces_the_failed_one(database: Database) -> None:
    record_checks(database, "sources/orders", [BAD], "run1", AT)
    record_checks(database, "sources/orders", [CheckResult("between", passed=True)], "run2", AT)
    require_healthy(database, "features/recent", ["sources/orders"])


def test_a_failed_check_that_is_no_longer_declared_blocks_no_more(database: Database) -> None:
    record_checks(database, "sources/orders", [BAD], "run1", AT)
    record_checks(database, "sources/orders", [], "run2", AT)
    require_healthy(database, "features/recent", ["sources/orders"])


def test_the_last_recording_is_read_back_as_it_was_written(database: Database) -> None:
    record_checks(database, "sources/orders", [GOOD], "run1", AT)
    record_checks(database, "sources/orders", [BAD, WARNED], "run2", AT + timedelta(hours=1))
    recording = last_recording(database, "sources/orders")
    assert recording is not None
    assert (recording.run, recording.at) == ("run2", AT + timedelta(hours=1))
    assert [(actual.name, actual.passed, actual.severity) for actual in recording.results] == [
        ("between", False, "error"),
        ("fresh", False, "warn"),
    ]
    assert recording.results[0].failing_rows == [{"amount": -1}]
    assert recording.blocking == ("between",)
    assert last_recording(database, "sources/nowhere") is None


def test_the_error_shows_check_figure_and_row() -> None:
    error = ChecksFailed("sources/orders", [GOOD, BAD, WARNED])
    assert str(error) == (
        'sources/orders: check between failed for 2 of 9 rows, such as {"amount": -1}. The rows were set aside and '
        "nothing depends on them. Repair the data, or the expectation, and materialize sources/orders again."
    )
    assert error.results == (GOOD, BAD, WARNED)


def test_rows_are_shown_in_json_types() -> None:
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(pd.Series(["2024-01-02T03:04:05Z", None])),
            "count": np.array([3, 4], dtype="int64"),
            "share": [np.nan, 0.5],
            "known": [True, None],
        }
    )
    assert sample_rows(frame) == [
        {"at": "2024-01-02T03:04:05.000000Z", "count": 3, "share": None, "known": True},
        {"at": None, "count": 4, "share": 0.5, "known": None},
    ]
    assert len(sample_rows(pd.concat([frame] * 20))) == 10
