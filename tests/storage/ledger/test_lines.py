"""The contract of the ledger, on SQLite and on PostgreSQL: a quiet edit shows."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ml_platform.core.errors import LedgerDamaged
from ml_platform.storage.append_only import is_guarded, may_change
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import (
    LEDGER,
    Head,
    LedgerLine,
    append_line,
    chain_faults,
    ledger_head,
    ledger_lines,
)
from ml_platform.storage.refs import move_ref, read_ref, ref_at

pytestmark = pytest.mark.slow

MONDAY = datetime(2024, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
DAY = timedelta(days=1)


def _append(database: Database, action: str = "approve", **more: object) -> LedgerLine:
    fields = {"at": MONDAY, "actor": "anna", "ref": "approval/a", "reason": "looked at it", **more}
    with database.writing() as connection:
        return append_line(connection, action=action, **fields)  # type: ignore[arg-type]


def _edit(database: Database, statement: sa.Executable) -> None:
    """Change the ledger as somebody would who may do anything with the database."""
    with database.writing() as connection, may_change(connection, LEDGER):
        connection.execute(statement)


def _at(seq: int) -> sa.ColumnElement[bool]:
    return LEDGER.c.seq == seq


def _by_hand(line: LedgerLine) -> str:
    fields = {
        "seq": line.seq,
        "at": line.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "clock": line.clock.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "os_user": line.os_user,
        "host": line.host,
        "pid": line.pid,
        "actor": line.actor,
        "action": line.action,
        "ref": line.ref,
        "previous_of_ref": line.previous_of_ref,
        "from_value": line.from_value,
        "to_value": line.to_value,
        "reason": line.reason,
        "facts": line.facts,
        "rows_seq": line.rows_seq,
        "rows_hash": line.rows_hash,
        "previous": line.previous,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def test_each_line_carries_its_hash_and_that_of_the_one_before(database: Database) -> None:
    written = [_append(database, facts={"rows": 3, "share": 0.5}), _append(database, "delete", to_value="gone")]
    assert ledger_lines(database) == written
    assert [line.seq for line in written] == [1, 2]
    assert [line.previous for line in written] == ["0" * 64, written[0].hash]
    assert [line.hash for line in written] == [_by_hand(line) for line in written]
    assert ledger_head(database) == Head(2, written[1].hash)
    assert list(chain_faults(database)) == []


def test_an_empty_ledger_has_no_head(database: Database) -> None:
    assert ledger_head(database) is None
    assert list(chain_faults(database)) == []


def _append_two(connection: sa.Connection, *lines: dict[str, Any]) -> None:
    for line in lines:
        append_line(connection, **line)


def test_a_line_that_cannot_be_finished_leaves_the_chain_as_it_was(database: Database) -> None:
    first = _append(database)
    line: dict[str, Any] = {"at": MONDAY, "actor": "anna", "action": "delete", "ref": "a", "reason": "b"}
    with pytest.raises(TypeError, match="unexpected"), database.writing() as connection:
        _append_two(connection, line, line | {"unexpected": 1})
    assert ledger_lines(database) == [first]
    assert _append(database).previous == first.hash


@pytest.mark.parametrize(
    "values",
    [
        {"actor": "nobody"},
        {"reason": "because"},
        {"facts": {"auc": 0.71}},
        {"at": MONDAY + timedelta(microseconds=1)},
        {"from_value": None},
        {"to_value": "v7"},
        {"ref": "champion/b"},
        {"action": "rollback"},
        {"hash": "f" * 64},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_line_that_was_edited_is_not_believed(database: Database, values: dict[str, object]) -> None:
    for step in (1, 2, 3):
        before, to = (f"v{step - 1}" if step > 1 else None), f"v{step}"
        move_ref(database, "champion/a", expected=before, to=to, at=MONDAY, actor="a", action="deploy", reason="b",
                 facts={"auc": 0.7})  # fmt: skip
    _edit(database, sa.update(LEDGER).where(_at(2)).values(**values))
    with pytest.raises(LedgerDamaged, match="line 2 of the ledger is damaged: it was changed after it had been"):
        ledger_lines(database)
    assert 2 in [seq for seq, _ in chain_faults(database)]


def test_a_line_that_cannot_be_read_any_more_is_named(database: Database) -> None:
    _append(database)
    _append(database)
    _edit(database, sa.text("UPDATE ledger SET at = 'yesterday' WHERE seq = 1"))
    with pytest.raises(LedgerDamaged, match="line 1 of the ledger is damaged"):
        ledger_lines(database)
    assert list(chain_faults(database)) == [(1, "it was changed after it had been written")]


def test_a_line_that_was_removed_is_missed_by_the_next(database: Database) -> None:
    for _ in range(3):
        _append(database)
    _edit(database, sa.delete(LEDGER).where(_at(2)))
    missed = "it does not follow from line 1: a line was removed, added or exchanged"
    assert list(chain_faults(database)) == [(3, missed)]
    with pytest.raises(LedgerDamaged, match="line 3 of the ledger is damaged: it does not follow from the line before"):
        ledger_lines(database)
    with pytest.raises(
        LedgerDamaged, match="line 3 of the ledger is damaged: it does not follow from the line before a"
    ):
        ledger_lines(database, "approval/a")


def test_a_first_line_that_was_removed_is_missed(database: Database) -> None:
    _append(database)
    _append(database)
    _edit(database, sa.delete(LEDGER).where(_at(1)))
    assert [seq for seq, _ in chain_faults(database)] == [2]
    with pytest.raises(LedgerDamaged, match="line 2 of the ledger is damaged"):
        ledger_lines(database)


def test_a_last_line_that_was_removed_is_missed_when_its_ref_is_asked_for(database: Database) -> None:
    for before, to in ((None, "v1"), ("v1", "v2")):
        move_ref(database, "champion/a", expected=before, to=to, at=MONDAY, actor="a", action="deploy", reason="b")
    _edit(database, sa.delete(LEDGER).where(_at(2)))
    for asked in (lambda: read_ref(database, "champion/a"), lambda: ref_at(database, "champion/a", MONDAY)):
        with pytest.raises(LedgerDamaged, match="ref champion/a is v2, and its last line in the ledger has v1"):
            asked()


def test_a_line_that_was_changed_with_its_hash_is_missed_by_the_next(database: Database) -> None:
    first, _ = _append(database), _append(database)
    forged = {**vars(first), "actor": "mallory"}
    hash = _by_hand(LedgerLine(**forged))
    _edit(database, sa.update(LEDGER).where(_at(1)).values(actor="mallory", hash=hash))
    assert [seq for seq, _ in chain_faults(database)] == [2]


def test_a_ref_that_was_moved_by_hand_is_not_believed(database: Database) -> None:
    move_ref(database, "champion/a", expected=None, to="v1", at=MONDAY, actor="a", action="deploy", reason="b")
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE refs SET value = 'v9'"))
    with pytest.raises(LedgerDamaged) as caught:
        read_ref(database, "champion/a")
    assert "ref champion/a is v9, and its last line in the ledger has v1" in str(caught.value)
    with database.writing() as connection:
        connection.execute(sa.text("DELETE FROM refs"))
    with pytest.raises(LedgerDamaged, match="ref champion/a is unset, and its last line in the ledger has v1"):
        read_ref(database, "champion/a")


def test_a_ledger_whose_guard_was_taken_away_is_known(database: Database) -> None:
    _append(database)
    with database.writing() as connection:
        assert is_guarded(connection, LEDGER)
        with may_change(connection, LEDGER):
            assert not is_guarded(connection, LEDGER)
        assert is_guarded(connection, LEDGER)


def test_many_threads_that_append_at_once_make_one_chain(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: _append(database, reason=str(number)), range(40)))
    assert [line.seq for line in ledger_lines(database)] == list(range(1, 41))
    assert list(chain_faults(database)) == []


def _append_some(url: str, name: str) -> None:
    database = Database(url)
    for number in range(5):
        _append(database, reason=f"{name} {number}")
    database.engine.dispose()


def test_many_processes_that_append_at_once_make_one_chain(database_url: str) -> None:
    spawning = multiprocessing.get_context("spawn")
    started = [spawning.Process(target=_append_some, args=(database_url, str(number))) for number in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    database = Database(database_url)
    assert [line.seq for line in ledger_lines(database)] == list(range(1, 21))
    assert list(chain_faults(database)) == []
    database.engine.dispose()


def test_a_clock_that_went_back_makes_no_line_earlier_than_the_last(database: Database) -> None:
    """Deployed at 12:30, then the clock goes back a day: nothing is deployed before it was."""
    first = move_ref(database, "champion/a", expected=None, to="v1", at=MONDAY, actor="a", action="deploy", reason="b")
    back = MONDAY - DAY
    line = move_ref(database, "champion/a", expected="v1", to="v2", at=back, actor="a", action="deploy", reason="b")
    assert (line.at, line.clock) == (first.at, back)
    last = move_ref(
        database, "champion/a", expected="v2", to="v3", at=MONDAY + DAY, actor="a", action="deploy", reason="b"
    )
    assert (last.at, last.clock) == (MONDAY + DAY, MONDAY + DAY)
    moment = timedelta(microseconds=1)
    asked = [back, back + moment, MONDAY - moment, MONDAY, MONDAY + DAY - moment, MONDAY + DAY]
    assert [ref_at(database, "champion/a", at) for at in asked] == [None, None, None, "v2", "v2", "v3"]
    assert list(chain_faults(database)) == []


def test_a_line_that_is_earlier_than_the_one_before_is_a_fault(database: Database) -> None:
    _append(database)
    second = _append(database)
    forged = LedgerLine(**{**vars(second), "at": MONDAY - DAY})
    text = (MONDAY - DAY).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    _edit(database, sa.text(f"UPDATE ledger SET at = '{text}', hash = '{_by_hand(forged)}' WHERE seq = 2"))
    assert list(chain_faults(database)) == [(2, f"it is of {text}, earlier than line 1")]


def test_a_line_keeps_the_real_user_the_machine_and_the_process_beside_the_claimed_name(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    line = _append(database, actor="the head of data")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    machine = subprocess.run(["uname", "-n"], capture_output=True, text=True, check=True).stdout.strip()
    assert (line.actor, line.os_user, line.host, line.pid) == ("the head of data", user, machine, os.getpid())


def test_the_lines_of_one_ref_are_read_without_those_of_others(database: Database) -> None:
    """A ledger of ten thousand lines costs the reader of a ref no more than one of ten."""
    for number in range(3):
        _append(database, ref="approval/a", reason=str(number))
    for _ in range(40):
        _append(database, ref="approval/b")
    read: list[str] = []
    sa.event.listen(database.engine, "after_cursor_execute", lambda *line: read.append(line[2]))
    assert [line.reason for line in ledger_lines(database, "approval/a")] == ["0", "1", "2"]
    assert [text for text in read if "FROM ledger" in text and "WHERE" not in text] == []


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_line_of_a_ref_that_was_ascribed_to_another_is_missed(database: Database, seq: int) -> None:
    for _ in range(3):
        _append(database)
    _edit(database, sa.text(f"UPDATE ledger SET ref = 'approval/other' WHERE seq = {seq}"))
    with pytest.raises(LedgerDamaged):
        ledger_lines(database, "approval/a")
