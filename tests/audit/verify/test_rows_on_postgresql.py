"""On PostgreSQL, too, each edit of each column that a claim rests on is named, and verifying ends as it should."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from ml_platform.audit.verify.findings import Damage
from ml_platform.audit.verify.row_chain import bound_row_damages
from ml_platform.audit.verify.verify import verify_project
from ml_platform.project import Project, open_project
from ml_platform.storage.ledger.anchors import anchor_ledger
from ml_platform.storage.ledger.lines import LEDGER, append_line
from ml_platform.storage.row_log import ROW_LOG, bound_tables
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import METADATA, Instant
from tests.audit.verify.factory import NOON
from tests.storage import postgres
from tests.worlds import write_shop

TABLES = [table.name for table in bound_tables()]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose database has a row in every table, and three lines in the ledger."""
    root = write_shop(tmp_path_factory.mktemp("postgresql") / "shop", days=1)
    with postgres.server() as server, postgres.schema(server) as url:
        with (root / "project.yaml").open("a") as file:
            file.write(f"storage: {{database: {json.dumps(url)}}}\n")
        project = open_project(root)
        with project.database.writing() as connection:
            for table in bound_tables():
                insert_row(connection, table, {column.name: _sample(column) for column in table.c})
        for number in range(3):
            with project.database.writing() as connection:
                append_line(
                    connection, at=NOON, actor="ada", action="approve", ref="late_parcel", reason=f"reason {number}",
                    facts={"seen": number}, from_value="a", to_value="b",
                )  # fmt: skip
        anchor_ledger(project)
        yield project
        project.database.engine.dispose()


def _sample(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, Instant):
        return NOON
    if isinstance(column.type, sa.Boolean):
        return True
    return 7 if isinstance(column.type, sa.Integer) else "{}"


def _bit(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps({**value, "seen": 0})
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    return f"{value[:-1]}{chr(ord(value[-1]) ^ 1)}" if value else "x"


def _another(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps({**value, "more": 1})
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value[1:] if value else ''}x"  # no longer: columns have limits


EDITS: dict[str, Callable[[Any], Any]] = {"one bit": _bit, "another value": _another, "null": lambda value: None}


@contextmanager
def edited(project: Project, table: sa.Table, column: str, to: Any, where: str) -> Iterator[None]:
    """Change a column by hand, as who owns the database can, and put it back."""
    engine = sa.create_engine(project.database.url)
    with engine.connect() as hand:
        _unguard(hand, table)
        hand.exec_driver_sql(f'CREATE TEMPORARY TABLE kept AS SELECT * FROM "{table.name}"')
        hand.exec_driver_sql(f'UPDATE "{table.name}" SET "{column}" = %(to)s WHERE {where}', {"to": to})
        hand.commit()
        try:
            yield
        finally:
            _unguard(hand, table)
            hand.exec_driver_sql(f'DELETE FROM "{table.name}"')
            hand.exec_driver_sql(f'INSERT INTO "{table.name}" SELECT * FROM kept')
            if table in (LEDGER, ROW_LOG):
                hand.exec_driver_sql(f"ALTER TABLE {table.name} ENABLE TRIGGER {table.name}_refuse")
            hand.commit()
    engine.dispose()


def _unguard(hand: sa.Connection, table: sa.Table) -> None:
    if table in (LEDGER, ROW_LOG):
        hand.exec_driver_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER {table.name}_refuse")


def _damages(project: Project) -> list[Damage]:
    verification = verify_project(project)
    assert json.dumps(verification.as_json())
    assert not [damage for damage in verification.damages if "cannot be checked" in damage.problem]
    return verification.damages


def _value(project: Project, table: sa.Table, column: str, where: str) -> Any:
    with project.database.reading() as connection:
        return connection.exec_driver_sql(f'SELECT "{column}" FROM "{table.name}" WHERE {where}').scalar()


@pytest.mark.parametrize("name", TABLES)
def test_each_edit_of_each_column_of_a_bound_row_is_named(filled: Project, name: str) -> None:
    table = METADATA.tables[name]
    assert _named(filled, table) == []
    for column in table.c:
        value = _value(filled, table, column.name, _first(table))
        for what, edit in EDITS.items():
            to = edit(value)
            if to == value or (to is None and not column.nullable):
                continue
            with edited(filled, table, column.name, to, _first(table)):
                named = _named(filled, table)
            assert len(named) == (2 if column.primary_key else 1), f"{column.name}: {what}"
            assert all(where.startswith(f"{name} [") for where in named)


def _first(table: sa.Table) -> str:
    return f'ctid = (SELECT min(ctid) FROM "{table.name}")'


def _named(project: Project, table: sa.Table) -> list[str]:
    return [damage.where for damage in bound_row_damages(project, [table]) if damage is not None]


@pytest.mark.parametrize("name", TABLES)
def test_verifying_the_whole_project_names_an_edit_in_each_table(filled: Project, name: str) -> None:
    table = METADATA.tables[name]
    column = list(table.c)[-1].name
    with edited(filled, table, column, _another(_value(filled, table, column, _first(table))), _first(table)):
        named = [damage.where for damage in _damages(filled) if damage.thing == "row"]
    assert named
    assert all(where.startswith(f"{name} [") for where in named)


@pytest.mark.parametrize("column", [column.name for column in LEDGER.c])
def test_each_edit_of_a_ledger_line_is_named(filled: Project, column: str) -> None:
    value = _value(filled, LEDGER, column, "seq = 2")
    for edit in (EDITS["one bit"], EDITS["another value"]):
        to = -5 if column == "seq" else edit(value)
        with edited(filled, LEDGER, column, to, "seq = 2"):
            named = [damage.where for damage in _damages(filled) if damage.thing == "ledger"]
        assert {"line 2", "line 3", "line -5"} & set(named)


@pytest.mark.parametrize("column", [column.name for column in ROW_LOG.c])
def test_each_edit_of_the_row_log_is_named(filled: Project, column: str) -> None:
    value = _value(filled, ROW_LOG, column, "seq = 3")
    for edit in (EDITS["one bit"], EDITS["another value"]):
        to = -5 if column == "seq" else edit(value)
        with edited(filled, ROW_LOG, column, to, "seq = 3"):
            things = {damage.thing for damage in _damages(filled) if damage.where != "its triggers"}
        assert things & {"row log", "row"}
