"""The factory with a row in every table, and copies of it that a test may damage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ml_platform.project import Project, open_project
from ml_platform.storage.row_log import bound_tables
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import Instant
from tests.audit.verify.factory import NOON, copy_factory


@pytest.fixture(scope="module")
def filled(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A factory in whose database no table is empty."""
    project = copy_factory(built, tmp_path_factory.mktemp("filled") / "factory")
    with project.database.writing() as connection:
        for table in bound_tables():
            if connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0:
                insert_row(connection, table, {column.name: _sample(column) for column in table.c})
    project.database.engine.dispose()
    return project


def _sample(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, Instant):
        return NOON
    if isinstance(column.type, sa.Boolean):
        return True
    return 7 if isinstance(column.type, sa.Integer) else "{}"


@pytest.fixture
def damaged(filled: Project, tmp_path: Path) -> Project:
    """A copy that a test may damage."""
    shutil.copytree(filled.root, tmp_path / "factory")
    return open_project(tmp_path / "factory")
