"""The contract of the row log, on SQLite and on PostgreSQL: a chain over every change of every bound row."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_platform.core.errors import RowDamaged
from ml_platform.storage.append_only import is_guarded
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import LEDGER, append_line, ledger_lines
from ml_platform.storage.raw_rows import key_text, raw_rows
from ml_platform.storage.redirects import SUCCESSORS
from ml_platform.storage.refs import REFS, move_ref
from ml_platform.storage.row_log import (
    ROW_LOG,
    forget_salts,
    last_row_line,
    logged_rows,
    read_row,
    read_rows,
    row_problem,
)
from ml_platform.storage.rows import delete_rows, insert_if_absent, insert_missing, insert_row, put_row, update_rows

pytestmark = pytest.mark.slow

MONDAY = datetime(2024, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def _ref(name: str, value: str = "v1") -> dict[str, Any]:
    return {"name": name, "value": value, "moved_at": MONDAY}


def _lines(database: Database) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(ROW_LOG).order_by(ROW_LOG.c.seq)).mappings()]


def _chained(lines: list[dict[str, Any]]) -> bool:
    """Work the chain out again, with nothing of the platform."""
    hash = "0" * 64
    for number, line in enumerate(lines, 1):
        items = [hash, number, line["table_name"], line["key"], line["row"]]
        text = json.dumps(items, separators=(",", ":"), ensure_ascii=False)
        hash = hashlib.sha256(text.encode()).hexdigest()
        if (line["seq"], line["hash"]) != (number, hash):
            return False
    return True


def _problems(database: Database, table: sa.Table) -> dict[str, str]:
    with database.snapshot() as connection:
        rows = {row.key: row.text for row in raw_rows(connection, table)}
        logged = logged_rows(connection, table)
    problems = {key: row_problem(rows.get(key), logged.get(key)) for key in {**rows, **logged}}
    return {key: problem for key, problem in problems.items() if problem}


def test_each_change_of_a_row_is_a_line_and_the_chain_can_be_worked_out_by_hand(database: Database) -> None:
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("a"))
    with database.writing() as connection:
        update_rows(connection, REFS, REFS.c.name == "a", {"value": "v2"})
    with database.writing() as connection:
        assert delete_rows(connection, REFS, REFS.c.name == "a") == 1
    lines = _lines(database)
    assert [(line["table_name"], line["key"], line["row"] is None) for line in lines] == [
        ("refs", '["a"]', False),
        ("refs", '["a"]', False),
        ("refs", '["a"]', True),
    ]
    assert _chained(lines)
    assert _problems(database, REFS) == {}


def test_the_hash_of_a_row_is_that_of_its_salt_and_its_columns(database: Database) -> None:
    with database.writing() as connection:
        insert_row(connection, SUCCESSORS, {"kind": "source", "id": "ä", "successor": "b"})
        assert connection.dialect.name in ("sqlite", "postgresql")
        upper = connection.dialect.name == "sqlite"
    (line,) = _lines(database)
    columns = [f"t{text.encode().hex().upper() if upper else text.encode().hex()}" for text in ("source", "ä", "b")]
    expected = hashlib.sha256(f"{line['salt']} {'|'.join(columns)}".encode()).hexdigest()
    assert (line["row"], line["key"], len(line["salt"])) == (expected, '["source","ä"]', 32)


def test_several_changes_of_a_row_in_one_transaction_are_one_line(database: Database) -> None:
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("a"))
        delete_rows(connection, REFS, REFS.c.name == "a")
        insert_row(connection, REFS, _ref("a", "v3"))
    assert len(_lines(database)) == 1
    assert _problems(database, REFS) == {}


def test_what_changes_nothing_is_no_line(database: Database) -> None:
    with database.writing() as connection:
        put_row(connection, REFS, {"name": "a"}, {"value": "v1", "moved_at": MONDAY})
    with database.writing() as connection:
        put_row(connection, REFS, {"name": "a"}, {"value": "v1", "moved_at": MONDAY})
        assert not insert_if_absent(connection, REFS, _ref("a", "v9"))
        insert_missing(connection, REFS, [_ref("a", "v8")])
    assert len(_lines(database)) == 1
    with database.writing() as connection:
        put_row(connection, REFS, {"name": "a"}, {"value": "v2", "moved_at": MONDAY})
    assert len(_lines(database)) == 2


def _insert_twice(connection: sa.Connection, row: Any) -> None:
    insert_row(connection, REFS, row)
    insert_row(connection, REFS, row)


def test_a_transaction_that_fails_leaves_no_line(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        _insert_twice(connection, _ref("a"))
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("b"))
    assert [line["key"] for line in _lines(database)] == ['["b"]']


@pytest.mark.parametrize(
    "statement",
    [sa.insert(REFS).values(_ref("a")), sa.update(REFS).values(value="v9"), sa.delete(REFS)],
    ids=["insert", "update", "delete"],
)
def test_a_change_that_is_not_noted_is_refused(database: Database, statement: sa.Executable) -> None:
    refused = pytest.raises(TypeError, match=r"rows of refs are written by ml_platform\.storage\.rows")
    with refused, database.writing() as connection:
        connection.execute(statement)


def test_a_row_changes_in_everything_but_its_key(database: Database) -> None:
    with pytest.raises(TypeError, match="a row's primary key is not changed"), database.writing() as connection:
        update_rows(connection, REFS, REFS.c.name == "a", {"name": "b"})


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE refs SET value = 'v9' WHERE name = 'a'", "the row was changed after it had been written"),
        ("UPDATE refs SET moved_at = 'never' WHERE name = 'a'", "the row was changed after it had been written"),
        ("DELETE FROM refs WHERE name = 'a'", "the row was removed without a line in the row log"),
    ],
)
def test_a_row_that_was_edited_by_hand_is_not_read(database: Database, statement: str, problem: str) -> None:
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("a"))
        insert_row(connection, REFS, _ref("b"))
    with database.writing() as connection:
        connection.execute(sa.text(statement))
    assert _problems(database, REFS) == {'["a"]': problem}
    with database.snapshot() as connection:
        with pytest.raises(RowDamaged, match=problem):
            read_row(connection, REFS, "a")
        with pytest.raises(RowDamaged, match=problem):
            read_rows(connection, REFS, REFS.c.name == "a", keys=[["a"]])
        row = read_row(connection, REFS, "b")
        assert row is not None
        assert row["value"] == "v1"
        assert read_row(connection, REFS, "c") is None


def test_a_row_that_was_added_by_hand_is_not_read(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("INSERT INTO refs VALUES ('a', 'v1', '2024-01-01T00:00:00.000000Z')"))
    with database.snapshot() as connection, pytest.raises(RowDamaged, match="the row was added without a line"):
        read_row(connection, REFS, "a")


def test_a_line_can_neither_be_changed_nor_removed(database: Database) -> None:
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("a"))
        assert is_guarded(connection, ROW_LOG)
    for statement in ("UPDATE row_log SET hash = ''", "UPDATE row_log SET row = NULL", "DELETE FROM row_log"):
        with pytest.raises(sa.exc.DBAPIError, match="row_log is append-only"), database.writing() as connection:
            connection.execute(sa.text(statement))


def test_without_its_salt_a_former_hash_reveals_nothing_and_the_chain_holds(database: Database) -> None:
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("a", "the person's key"))
    with database.writing() as connection:
        forget_salts(connection, REFS, [key_text(["a"])])
        update_rows(connection, REFS, REFS.c.name == "a", {"value": "masked"})
    former, present = _lines(database)
    assert (former["salt"], present["salt"] is None) == (None, False)
    assert _chained([former, present])
    assert _problems(database, REFS) == {}


def test_two_rows_that_hold_the_same_have_different_hashes(database: Database) -> None:
    for _ in range(2):
        with database.writing() as connection:
            insert_row(connection, REFS, _ref("a"))
        with database.writing() as connection:
            delete_rows(connection, REFS, REFS.c.name == "a")
    first, _, second, _ = _lines(database)
    assert first["row"] != second["row"]


def test_each_ledger_line_carries_the_head_of_the_row_log(database: Database) -> None:
    with database.writing() as connection:
        insert_row(connection, REFS, _ref("a"))
    with database.reading() as connection:
        head = last_row_line(connection)
    assert head is not None
    with database.writing() as connection:
        line = append_line(connection, at=MONDAY, actor="ada", action="seal", ref="rows", reason="now")
    assert (line.rows_seq, line.rows_hash) == (head.seq, head.hash) == (1, _lines(database)[0]["hash"])


def test_many_threads_that_write_at_once_make_one_chain(database: Database) -> None:
    def write(number: int) -> None:
        with database.writing() as connection:
            insert_row(connection, REFS, _ref(f"r{number}"))
            put_row(connection, REFS, {"name": "shared"}, {"value": str(number), "moved_at": MONDAY})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert len(_lines(database)) == 80
    assert _chained(_lines(database))
    assert _problems(database, REFS) == {}


def _write_some(url: str, name: str) -> None:
    database = Database(url)
    for number in range(5):
        move_ref(
            database, f"champion/{name}", expected=None if number == 0 else f"v{number - 1}", to=f"v{number}",
            at=MONDAY, actor="a", action="deploy", reason="b",
        )  # fmt: skip
    database.engine.dispose()


def test_many_processes_that_write_at_once_make_one_chain(database_url: str) -> None:
    spawning = multiprocessing.get_context("spawn")
    started = [spawning.Process(target=_write_some, args=(database_url, str(number))) for number in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    database = Database(database_url)
    assert len(ledger_lines(database)) == 20
    assert _chained(_lines(database))
    assert _problems(database, REFS) == {}
    with database.reading() as connection:
        for seq, hash in connection.execute(sa.select(LEDGER.c.rows_seq, LEDGER.c.rows_hash)):
            assert seq == 0 or connection.scalar(sa.select(ROW_LOG.c.hash).where(ROW_LOG.c.seq == seq)) == hash
    database.engine.dispose()


_CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "update"]), st.sampled_from("abc"), st.text(max_size=5)), max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=_CHANGES)
def test_whatever_is_written_the_log_agrees_and_an_edit_of_any_row_shows(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, str]]
) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('rows') / 'platform.sqlite'}")
    expected: dict[str, str] = {}
    for what, name, value in changes:
        with database.writing() as connection:
            if what == "put":
                put_row(connection, REFS, {"name": name}, {"value": value, "moved_at": MONDAY})
                expected[name] = value
            elif what == "update":
                update_rows(connection, REFS, REFS.c.name == name, {"value": value})
                expected |= {name: value} if name in expected else {}
            else:
                delete_rows(connection, REFS, REFS.c.name == name)
                expected.pop(name, None)
    assert _problems(database, REFS) == {}
    assert _chained(_lines(database))
    for name in expected:
        with database.writing() as connection:
            connection.execute(sa.text("UPDATE refs SET value = value || '!' WHERE name = :name"), {"name": name})
    assert set(_problems(database, REFS)) == {key_text([name]) for name in expected}
    database.engine.dispose()
