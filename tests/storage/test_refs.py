"""The contract of refs and the ledger, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ml_platform.core.errors import RefConflict
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import LEDGER, LedgerLine, ledger_lines
from ml_platform.storage.refs import REFS, move_ref, read_ref, ref_at
from ml_platform.storage.rows import insert_rows

MONDAY = datetime(2024, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
DAY = timedelta(days=1)


def move(
    database: Database, to: str, *, expected: str | None, at: datetime = MONDAY, name: str = "champion"
) -> LedgerLine:
    return move_ref(
        database,
        name,
        expected=expected,
        to=to,
        at=at,
        actor="anna",
        action="deploy",
        reason="better",
        facts={"auc": 0.7},
    )


class TestRefs:
    def test_a_ref_that_was_never_set_is_none(self, database: Database) -> None:
        assert read_ref(database, "champion") is None
        assert ledger_lines(database) == []

    def test_a_move_records_who_when_from_to_and_why(self, database: Database) -> None:
        move(database, "v1", expected=None)
        line = move(database, "v2", expected="v1", at=MONDAY + DAY)
        assert read_ref(database, "champion") == "v2"
        assert (line.actor, line.action, line.ref, line.reason) == ("anna", "deploy", "champion", "better")
        assert (line.from_value, line.to_value, line.at) == ("v1", "v2", MONDAY + DAY)
        assert line.facts == {"auc": 0.7}
        assert ledger_lines(database, "champion")[-1] == line

    def test_instants_keep_their_microseconds_and_their_zone(self, database: Database) -> None:
        move(database, "v1", expected=None)
        (line,) = ledger_lines(database)
        assert line.at == MONDAY
        assert line.at.utcoffset() == timedelta(0)

    @pytest.mark.parametrize(
        ("expected", "message"),
        [
            ("v0", "ref champion is v1, not v0: it moved meanwhile. Try again."),
            (None, "ref champion is v1, not unset: it moved meanwhile. Try again."),
        ],
    )
    def test_a_ref_that_moved_meanwhile_is_not_moved(
        self, database: Database, expected: str | None, message: str
    ) -> None:
        move(database, "v1", expected=None)
        with pytest.raises(RefConflict) as caught:
            move(database, "v2", expected=expected)
        assert str(caught.value) == message
        assert (caught.value.expected, caught.value.actual) == (expected, "v1")
        assert read_ref(database, "champion") == "v1"
        assert len(ledger_lines(database)) == 1

    def test_a_ref_that_was_never_set_is_not_moved_from_a_value(self, database: Database) -> None:
        with pytest.raises(RefConflict) as caught:
            move(database, "v2", expected="v1")
        assert str(caught.value) == "ref champion is unset, not v1: it moved meanwhile. Try again."
        assert ledger_lines(database) == []

    def test_refs_do_not_meet(self, database: Database) -> None:
        move(database, "v1", expected=None, name="a")
        move(database, "v9", expected=None, name="b")
        assert (read_ref(database, "a"), read_ref(database, "b")) == ("v1", "v9")
        assert [line.to_value for line in ledger_lines(database, "b")] == ["v9"]
        assert [line.seq for line in ledger_lines(database)] == sorted(line.seq for line in ledger_lines(database))

    def test_the_ledger_knows_what_a_ref_was_at_any_instant(self, database: Database) -> None:
        move(database, "v1", expected=None, at=MONDAY)
        move(database, "v2", expected="v1", at=MONDAY + DAY)
        assert ref_at(database, "champion", MONDAY - timedelta(microseconds=1)) is None
        assert ref_at(database, "champion", MONDAY) == "v1"
        assert ref_at(database, "champion", MONDAY + DAY - timedelta(microseconds=1)) == "v1"
        assert ref_at(database, "champion", MONDAY + DAY) == "v2"

    def test_of_many_who_move_at_once_exactly_one_wins(self, database: Database) -> None:
        move(database, "v0", expected=None)

        def try_to_move(number: int) -> bool:
            try:
                move(database, f"v{number}", expected="v0")
            except RefConflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(try_to_move, range(1, 17)))
        assert won.count(True) == 1
        assert read_ref(database, "champion") == f"v{won.index(True) + 1}"
        assert len(ledger_lines(database)) == 2

    def test_of_many_who_set_a_ref_first_exactly_one_wins(self, database: Database) -> None:
        def try_to_set(number: int) -> bool:
            try:
                move(database, f"v{number}", expected=None)
            except RefConflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(try_to_set, range(16)))
        assert won.count(True) == 1
        assert len(ledger_lines(database)) == 1

    def test_a_move_that_cannot_be_recorded_does_not_happen(self, database: Database) -> None:
        move(database, "v1", expected=None)
        with pytest.raises((TypeError, sa.exc.StatementError)):
            move_ref(
                database, "champion", expected="v1", to="v2", at=MONDAY, actor="a", action="b", reason="c",
                facts={"not": {"json"}},
            )  # fmt: skip
        assert read_ref(database, "champion") == "v1"
        assert len(ledger_lines(database)) == 1


class TestLedger:
    """What was written stays: the database itself refuses to change or remove a line."""

    @pytest.mark.parametrize(
        "statement", [sa.update(LEDGER).values(actor="nobody"), sa.delete(LEDGER)], ids=["update", "delete"]
    )
    def test_a_line_can_neither_be_changed_nor_removed(self, database: Database, statement: sa.Executable) -> None:
        move(database, "v1", expected=None)
        with (
            pytest.raises(sa.exc.DBAPIError, match="the ledger is append-only"),
            database.writing() as connection,
        ):
            connection.execute(statement)
        assert [line.actor for line in ledger_lines(database)] == ["anna"]


class TestDatabase:
    def test_what_fails_half_way_did_not_happen(self, database: Database) -> None:
        row = {"name": "a", "value": "b", "moved_at": MONDAY}
        with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
            insert_rows(connection, REFS, [row, {**row, "name": "b"}, row])
        assert read_ref(database, "a") is None

    def test_what_was_written_is_there_for_another_process(self, database_url: str) -> None:
        first, second = Database(database_url), Database(database_url)
        move(first, "v1", expected=None)
        assert read_ref(second, "champion") == "v1"
        first.engine.dispose()
        second.engine.dispose()

    def test_many_may_open_an_empty_database_at_once(self, database_url: str) -> None:
        def open_and_read(_: int) -> str | None:
            opened = Database(database_url)
            try:
                return read_ref(opened, "champion")
            finally:
                opened.engine.dispose()

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(open_and_read, range(8))) == [None] * 8

    def test_a_naive_instant_is_refused(self, database: Database) -> None:
        with pytest.raises(sa.exc.StatementError, match="is naive"):
            move(database, "v1", expected=None, at=datetime(2024, 1, 1))
        assert read_ref(database, "champion") is None
