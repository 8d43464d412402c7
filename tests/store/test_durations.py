"""The contract of recorded durations, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ml_platform.store.database import Database
from ml_platform.store.durations import record_duration, usual_duration

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
