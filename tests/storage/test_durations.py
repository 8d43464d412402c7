"""The contract of recorded durations, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ml_platform.storage.database import Database
from ml_platform.storage.durations import expected_duration, record_duration, usual_duration

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def record(database: Database, node: str, *seconds: float) -> None:
    for took in seconds:
        record_duration(database, node, timedelta(seconds=took), run="r1", at=NOW)


class TestDurations:
    def test_a_node_that_was_never_made_has_no_duration(self, database: Database) -> None:
        record(database, "late/snapshot", 3)
        assert usual_duration(database, "late/trained_model") is None

    def test_one_slow_time_does_not_decide(self, database: Database) -> None:
        record(database, "late/snapshot", 2, 900, 4)
        assert usual_duration(database, "late/snapshot") == timedelta(seconds=4)

    def test_the_middle_of_an_even_number_of_times_lies_between_two(self, database: Database) -> None:
        record(database, "late/snapshot", 2, 3.5)
        assert usual_duration(database, "late/snapshot") == timedelta(seconds=2.75)

    def test_only_the_last_ten_times_count(self, database: Database) -> None:
        record(database, "late/snapshot", *[100] * 30, *[1] * 10)
        assert usual_duration(database, "late/snapshot") == timedelta(seconds=1)

    def test_work_is_expected_to_take_as_long_as_the_most_similar_did(self, database: Database) -> None:
        for seconds, rows in ((60, 3_000_000), (2, 1_000), (5, 10_000)):
            record_duration(database, "t", timedelta(seconds=seconds), run="r", at=NOW, rows=rows)
        assert expected_duration(database, "t", 500, of=3_000_000) == timedelta(seconds=1)
        assert expected_duration(database, "t", 1_500_000, of=3_000_000) == timedelta(seconds=30)
        assert expected_duration(database, "t", 20_000, of=3_000_000) == timedelta(seconds=10)

    def test_where_no_rows_were_recorded_the_usual_duration_is_used_for_all(self, database: Database) -> None:
        record(database, "t", 8)
        assert expected_duration(database, "t", 250, of=1_000) == timedelta(seconds=2)
        assert expected_duration(database, "other", 250, of=1_000) is None
