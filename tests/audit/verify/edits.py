"""Edits of a database's file past the platform."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ml_platform.project import Project


@contextmanager
def edited_by_hand(project: Project) -> Iterator[sqlite3.Connection]:
    project.database.engine.dispose()
    connection = sqlite3.connect(project.state / "platform.sqlite")
    yield connection
    connection.commit()
    connection.close()
