"""A wall clock that was ahead once: what is not read until it has passed is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ml_platform.project import open_project
from ml_platform.sources.clock_check import clock_note
from ml_platform.sources.ingest import ingest_source
from tests.shop_project import open_shop
from tests.worlds import write_shop

TODAY, AHEAD = datetime(2024, 3, 1, 12, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


def test_a_project_that_is_new_or_up_to_date_has_no_note(tmp_path: Path) -> None:
    project = open_shop(tmp_path)
    assert clock_note(project.database, TODAY) is None
    project = open_project(write_shop(tmp_path / "shop", days=2))
    ingest_source(project, "orders", TODAY)
    assert clock_note(project.database, TODAY) is None


def test_an_ingest_by_a_clock_that_was_ahead_is_named_until_the_clock_has_passed_it(tmp_path: Path) -> None:
    project = open_project(write_shop(tmp_path / "shop", days=2))
    ingest_source(project, "orders", AHEAD)
    file = project.root / "data/orders.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[-1].replace(lines[-1].split(",")[0], "new order", 1)]) + "\n")
    assert ingest_source(project, "orders", TODAY).new_rows == 0
    note = clock_note(project.database, TODAY) or ""
    assert note.startswith("the project's clock (2024-03-01 12:00:00) is before the last ingest (2099-01-01 00:00:00)")
    assert ingest_source(project, "orders", AHEAD).new_rows == 1
    assert clock_note(project.database, AHEAD) is None
