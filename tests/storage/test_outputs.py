"""The contract of recorded outputs, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ml_platform.storage.database import Database
from ml_platform.storage.outputs import current_output, partition_instants, record_output

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def record(database: Database, node: str, id: str, run: str, partition: str = "", at: datetime = NOW) -> None:
    record_output(database, node, "snapshot", id, run=run, at=at, partition=partition)


class TestOutputs:
    def test_a_node_that_made_nothing_has_no_output(self, database: Database) -> None:
        assert current_output(database, "late/snapshot") is None
        assert current_output(database, "late/snapshot", run="r1") is None

    def test_the_last_output_counts(self, database: Database) -> None:
        record(database, "late/snapshot", "first", "r1")
        record(database, "late/snapshot", "second", "r2")
        assert current_output(database, "late/snapshot") == "second"

    def test_what_was_made_in_this_run_goes_before_what_was_made_last(self, database: Database) -> None:
        record(database, "late/snapshot", "mine", "r1")
        record(database, "late/snapshot", "slipped in between", "r2")
        assert current_output(database, "late/snapshot", run="r1") == "mine"

    def test_a_run_that_did_not_make_it_takes_the_last(self, database: Database) -> None:
        record(database, "late/snapshot", "old", "r1")
        assert current_output(database, "late/snapshot", run="r9") == "old"

    def test_a_run_that_made_it_twice_takes_its_last(self, database: Database) -> None:
        record(database, "late/snapshot", "one", "r1")
        record(database, "late/snapshot", "two", "r1")
        assert current_output(database, "late/snapshot", run="r1") == "two"

    def test_the_order_of_recording_counts_not_the_clock(self, database: Database) -> None:
        record(database, "late/snapshot", "one", "r1", at=NOW + timedelta(days=1))
        record(database, "late/snapshot", "two", "r2", at=NOW)
        assert current_output(database, "late/snapshot") == "two"

    def test_nodes_and_partitions_do_not_meet(self, database: Database) -> None:
        record(database, "late/predictions", "monday", "r1", partition="2024-01-01")
        record(database, "late/predictions", "tuesday", "r1", partition="2024-01-02", at=NOW + timedelta(days=1))
        record(database, "delay/predictions", "other", "r1")
        assert current_output(database, "late/predictions", partition="2024-01-01") == "monday"
        assert current_output(database, "late/predictions", run="r1", partition="2024-01-02") == "tuesday"
        assert current_output(database, "late/predictions") is None
        assert partition_instants(database, "late/predictions") == {
            "2024-01-01": NOW,
            "2024-01-02": NOW + timedelta(days=1),
        }
