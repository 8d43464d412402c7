"""The last failure of each node, until it succeeds."""

from datetime import UTC, datetime, timedelta

from ml_platform.core.secrets import KNOWN
from ml_platform.storage.database import Database
from ml_platform.storage.failures import Failure, failures, forget_failure, record_failure

AT = datetime(2024, 3, 1, tzinfo=UTC)


def test_the_last_failure_of_each_node_is_kept_until_it_succeeds(database: Database) -> None:
    record_failure(database, "sources/orders", "no file", AT)
    record_failure(database, "sources/orders", "no column", AT + timedelta(hours=1))
    record_failure(database, "m/snapshot", "no rows", AT)
    later = Failure("sources/orders", AT + timedelta(hours=1), "no column")
    assert failures(database) == {"sources/orders": later, "m/snapshot": Failure("m/snapshot", AT, "no rows")}
    forget_failure(database, "sources/orders")
    forget_failure(database, "sources/never_failed")
    assert set(failures(database)) == {"m/snapshot"}


def test_a_failure_holds_no_secret(database: Database) -> None:
    KNOWN.add("hunter2-hunter2")
    record_failure(database, "sources/orders", "cannot reach postgresql://shop:hunter2-hunter2@db", AT)
    assert "hunter2" not in failures(database)["sources/orders"].problem
