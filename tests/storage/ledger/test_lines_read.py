"""What a batch run reads does not grow with the ledger or with the days of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from ml_platform.project import Project
from ml_platform.registry.champion import champion_ref
from ml_platform.storage.ledger import lines as ledger
from ml_platform.storage.ledger.lines import append_line, ledger_lines
from ml_platform.storage.prediction_log import append_predictions, logged_day
from ml_platform.storage.refs import move_ref
from tests.shop_project import open_shop

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
REF = champion_ref("late_parcel")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = open_shop(tmp_path)
    move_ref(project.database, REF, expected=None, to="a", at=NOON, actor="ada", action="deploy", reason="first")
    return project


@contextmanager
def counted(project: Project, patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count statements, and lines of the ledger that are read."""
    counts: Counter[str] = Counter()
    checked = ledger._checked

    def line(row: Any) -> Any:
        counts["lines"] += 1
        return checked(row)

    def statement(*_: Any) -> None:
        counts["statements"] += 1

    sa.event.listen(project.database.engine, "before_cursor_execute", statement)
    patch.setattr(ledger, "_checked", line)
    yield counts
    sa.event.remove(project.database.engine, "before_cursor_execute", statement)
    patch.setattr(ledger, "_checked", checked)


def other_lines(project: Project, count: int) -> None:
    with project.database.writing() as connection:
        for number in range(count):
            append_line(connection, at=NOON, actor="ada", action="note", ref=f"other/{number}", reason="-")


def log_days(project: Project, count: int) -> None:
    for number in range(count):
        rows = pa.table({"prediction_id": [f"p{number}"], "trained_model": ["a"]})
        day = date(2024, 3, 1) + timedelta(days=number)
        append_predictions(project, "late_parcel", day, f"k{number}", partial(_same, rows), {}, {})


def _same(rows: pa.Table, _: object) -> pa.Table:
    return rows


def test_the_lines_of_a_ref_are_read_without_those_of_others(project, monkeypatch):
    with counted(project, monkeypatch) as before:
        ledger_lines(project.database, REF)
    other_lines(project, 40)
    with counted(project, monkeypatch) as after:
        ledger_lines(project.database, REF)
    assert before == after
    assert before["lines"] >= 1


def test_a_day_of_the_log_is_read_without_the_other_days(project, monkeypatch):
    log_days(project, 1)
    with counted(project, monkeypatch) as before:
        assert logged_day(project, "late_parcel", date(2024, 3, 1))
    log_days(project, 12)
    with counted(project, monkeypatch) as after:
        assert logged_day(project, "late_parcel", date(2024, 3, 1))
    assert before == after
    assert before["statements"] >= 1
