"""The contract of recorded declarations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.last_declarations import DECLARED, last_declared, record_declared


class TestDeclared:
    def test_a_node_that_was_never_made_has_none(self, database: Database) -> None:
        record_declared(database, "features/a", {"code": "1"})
        assert last_declared(database, "features/b") is None

    def test_the_last_one_is_reported(self, database: Database) -> None:
        for refresh in ("1h", "2h"):
            record_declared(database, "features/a", {"declaration": {"refresh": refresh}})
        assert last_declared(database, "features/a") == {"declaration": {"refresh": "2h"}}

    def test_the_same_one_is_not_kept_twice(self, database: Database) -> None:
        for _ in range(3):
            record_declared(database, "features/a", {"code": "1", "declaration": {}})
        record_declared(database, "features/a", {"declaration": {}, "code": "1"})
        with database.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(DECLARED)) == 1
