"""Every column of every row of every table is bound, or its table says why not: each edit is named, none is silent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

import ml_platform
from ml_platform.audit.verify import every_table
from ml_platform.audit.verify.row_chain import bound_row_damages, row_log_damages
from ml_platform.audit.verify.verify import verify_project
from ml_platform.project import Project
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import LEDGER, chain_faults
from ml_platform.storage.row_log import ROW_LOG, bound_tables, is_bound
from ml_platform.storage.tables import METADATA, UNBOUND
from tests.audit.verify.edits import edited_by_hand

TABLES = [table.name for table in bound_tables()]


@contextmanager
def by_hand(project: Project) -> Iterator[sqlite3.Connection]:
    """Give the database's file as somebody has it who may do anything with it."""
    project.database.engine.dispose()
    connection = sqlite3.connect(project.state / "platform.sqlite")
    connection.text_factory = bytes
    for name in ("row_log_no_update", "row_log_no_delete", "ledger_no_update", "ledger_no_delete"):
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    connection.commit()
    connection.close()


def _other(value: Any) -> Any:
    return value + 100_000 if isinstance(value, int) else f"{(value or b'').decode()}x"


def _named(project: Project, table: sa.Table) -> list[str]:
    return [damage.where for damage in bound_row_damages(project, [table]) if damage is not None]


def test_verifying_knows_every_module_that_declares_a_table() -> None:
    package = Path(ml_platform.__file__).parent
    declaring = [path for path in package.rglob("*.py") if "sa.Table(" in path.read_text()]
    names = {".".join(path.relative_to(package.parent).with_suffix("").parts) for path in declaring}
    assert names == _imported()


def _imported() -> set[str]:
    lines = Path(every_table.__file__).read_text().splitlines()
    return {line.split()[1] for line in lines if line.startswith("import ")}


def test_every_table_is_bound_or_gives_its_reason() -> None:
    for table in METADATA.tables.values():
        assert is_bound(table) or len(table.info[UNBOUND].split()) > 5, table.name
    unbound = sorted(set(METADATA.tables) - set(TABLES))
    assert unbound == ["durations", "ledger", "row_log", "work"]
    assert {"prediction_days", "versions", "ingests", "manifests", "keys", "outputs", "alerts", "refs"} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_bound_table_has_no_number_whose_text_depends_on_the_database_and_never_reuses_a_key(name: str) -> None:
    table = METADATA.tables[name]
    assert not [column.name for column in table.c if isinstance(column.type, sa.Float | sa.JSON)]
    counted = table.autoincrement_column is not None and table.autoincrement_column.autoincrement is True
    assert table.dialect_options["sqlite"]["autoincrement"] is counted


@pytest.mark.parametrize("name", TABLES)
def test_each_edit_of_each_column_of_each_row_is_named(damaged: Project, name: str) -> None:
    table = METADATA.tables[name]
    with by_hand(damaged) as hand:
        rows = hand.execute(f'SELECT rowid, * FROM "{name}"').fetchall()
    edits = 0
    for rowid, *values in rows:
        for column, value in zip(table.c, values, strict=True):
            for to in (_other(value), b"\xff\xfe", 1.5 if isinstance(value, int) else 5):
                _set(damaged, table, column.name, rowid, to)
                where = _named(damaged, table)
                _set(damaged, table, column.name, rowid, value)
                assert where, f"{column.name} of row {rowid} = {to!r}"
                assert len(where) == (2 if column.primary_key else 1)
                edits += 1
    assert edits >= 3 * len(table.c)
    assert _named(damaged, table) == []


def _set(project: Project, table: sa.Table, column: str, rowid: int, value: Any) -> None:
    with sqlite3.connect(project.state / "platform.sqlite", isolation_level=None) as hand:
        changed_value = value.decode() if isinstance(value, bytes) and _is_text(value) else value
        target = "rowid" if _is_rowid(table, column) else f'"{column}"'
        if target == "rowid" and not isinstance(value, int):
            changed_value = rowid + 50_000 if value != rowid else value
        cast = "CAST(? AS TEXT)" if isinstance(changed_value, bytes) else "?"
        now = hand.execute(f'SELECT rowid FROM "{table.name}" WHERE rowid = ?', (rowid,)).fetchone()
        at = rowid if now else hand.execute(f'SELECT max(rowid) FROM "{table.name}"').fetchone()[0]
        hand.execute("PRAGMA ignore_check_constraints = 1")
        hand.execute(f'UPDATE "{table.name}" SET {target} = {cast} WHERE rowid = ?', (changed_value, at))
    hand.close()


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_rowid(table: sa.Table, column: str) -> bool:
    return table.c[column].primary_key and isinstance(table.c[column].type, sa.Integer) and len(table.primary_key) == 1


@pytest.mark.parametrize("name", TABLES)
def test_a_row_that_was_removed_or_added_is_named(damaged: Project, name: str) -> None:
    table = METADATA.tables[name]
    with by_hand(damaged) as hand:
        hand.execute(f'DELETE FROM "{name}" WHERE rowid = (SELECT max(rowid) FROM "{name}")')
    (where,) = _named(damaged, table)
    assert where.startswith(f"{name} [")
    with edited_by_hand(damaged) as hand:
        columns = ", ".join(f'"{column.name}"' for column in table.c)
        values = ", ".join("'added'" if not isinstance(column.type, sa.Integer) else "90909" for column in table.c)
        hand.execute(f'INSERT INTO "{name}" ({columns}) VALUES ({values})')
    problems = [damage.problem for damage in bound_row_damages(damaged, [table]) if damage]
    assert sorted(problems) == [
        "the row was added without a line in the row log",
        "the row was removed without a line in the row log",
    ]


WRONG: dict[str, Any] = {
    "another value": lambda draw, value: _other(value),
    "invalid UTF-8": lambda draw, value: b"\xc3\x28\xff",
    "a number for a text, or a text for a number": lambda draw, value: "many" if isinstance(value, int) else 3.25,
    "broken JSON": lambda draw, value: '{"a": [1, 2',
    "a huge number": lambda draw, value: 2**62,
    "nothing but zeros": lambda draw, value: "\x00\x00",
    "bytes": lambda draw, value: sqlite3.Binary(b"\x00\x01\xff"),
    "an instant of no calendar": lambda draw, value: "2024-13-45T99:00:00.000000Z",
}


@pytest.mark.parametrize("what", list(WRONG))
def test_verifying_names_an_edit_in_every_table_at_once_without_an_exception(damaged: Project, what: str) -> None:
    draw = Random(what)
    with by_hand(damaged) as hand:
        edited = [_edit_one(hand, METADATA.tables[name], draw, what) for name in TABLES]
    verification = verify_project(damaged)
    named = {damage.where for damage in verification.damages if damage.thing == "row"}
    missed = [where for where in edited if where not in named]
    assert missed == []
    assert json.dumps(verification.as_json(), ensure_ascii=False).encode(errors="backslashreplace")


def _edit_one(hand: sqlite3.Connection, table: sa.Table, draw: Random, what: str) -> str:
    """Edit one column of one row that is no part of its key, and return how verifying names the row."""
    rows = hand.execute(f'SELECT rowid, * FROM "{table.name}"').fetchall()
    rowid, *values = draw.choice(rows)
    key = [value for column, value in zip(table.c, values, strict=True) if column.primary_key]
    plain = [column.name for column in table.c if not column.primary_key]
    if not plain:
        hand.execute(f'DELETE FROM "{table.name}" WHERE rowid = ?', (rowid,))
    else:
        name = draw.choice(plain)
        value = values[list(table.c.keys()).index(name)]
        to = WRONG[what](draw, value)
        cast = "CAST(? AS TEXT)" if what == "invalid UTF-8" else "?"
        hand.execute(f'UPDATE "{table.name}" SET "{name}" = {cast} WHERE rowid = ?', (to, rowid))
    text = json.dumps([item if isinstance(item, int) else item.decode() for item in key], separators=(",", ":"))
    return f"{table.name} {text}"


@pytest.mark.parametrize("column", [column.name for column in ROW_LOG.c])
def test_each_edit_of_the_row_log_itself_is_named(damaged: Project, column: str) -> None:
    with by_hand(damaged) as hand:
        (last,) = hand.execute("SELECT max(seq) FROM row_log").fetchone()
        for seq in (1, last // 2, last):
            (value,) = hand.execute(f'SELECT "{column}" FROM row_log WHERE seq = ?', (seq,)).fetchone()
            hand.execute(f'UPDATE row_log SET "{column}" = ? WHERE seq = ?', (_other(value), seq))
    verification = verify_project(damaged)
    things = {damage.thing for damage in verification.damages if damage.where != "its triggers"}
    assert things & {"row log", "row"}


@pytest.mark.parametrize("column", [column.name for column in LEDGER.c])
def test_each_edit_of_a_ledger_line_is_named(damaged: Project, column: str) -> None:
    with by_hand(damaged) as hand:
        (value,) = hand.execute(f'SELECT "{column}" FROM ledger WHERE seq = 2').fetchone()
        to = -5 if column == "seq" else _other(value)
        hand.execute(f'UPDATE ledger SET "{column}" = ? WHERE seq = 2', (to,))
    assert list(chain_faults(damaged.database))
    assert [damage for damage in verify_project(damaged).damages if damage.thing == "ledger"]


def test_a_row_log_that_was_rewritten_from_some_line_on_is_at_odds_with_the_ledger(damaged: Project) -> None:
    """Who rewrites a row with all of its lines and hashes is missed only by the ledger's heads, and those notice."""
    with by_hand(damaged) as hand:
        hand.execute("DELETE FROM row_log WHERE seq > (SELECT max(rows_seq) FROM ledger) - 3")
    actual = [damage for damage in row_log_damages(damaged) if damage.where != "its triggers"]
    assert [damage.state for damage in actual] == ["missing"]
    assert "the row log was truncated or rewritten" in actual[0].problem


def test_a_row_log_whose_guard_was_taken_away_is_named(damaged: Project) -> None:
    with by_hand(damaged):
        pass
    assert [damage.where for damage in row_log_damages(damaged)] == ["its triggers"]


def test_a_row_log_is_the_same_for_a_database_that_is_reopened(filled: Project) -> None:
    reopened = Database(filled.database.url)
    assert list(row_log_damages(filled)) == []
    assert list(chain_faults(reopened)) == []
    reopened.engine.dispose()
