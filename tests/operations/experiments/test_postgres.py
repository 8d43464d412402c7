"""An experiment on a production whose database is PostgreSQL: the process has no address of it, and nothing changes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named
from ml_platform.project import open_project
from ml_platform.storage.tables import METADATA
from tests.audit.verify.factory import MODEL, run_factory
from tests.storage import postgres
from tests.worlds import FILES

pytestmark = pytest.mark.slow


def test_an_experiment_reads_a_copy_of_a_database_on_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.server() as server, postgres.schema(server) as url:
        monkeypatch.setenv("SHOP_DATABASE", url)
        project = f"{FILES['project.yaml']}storage: {{database: '${{SHOP_DATABASE}}'}}\n"
        monkeypatch.setitem(FILES, "project.yaml", project)
        production = run_factory(tmp_path / "shop")
        before = _rows(production.database.engine)
        run_experiment(open_project(production.root), Wanted("same"), datetime(2024, 3, 3, tzinfo=UTC))
        experiment = experiment_named(production, "same")
        assert _rows(production.database.engine) == before
        production.database.engine.dispose()
    result = experiment.result(MODEL)
    assert all(step["reused"] for step in experiment.record["steps"])
    assert result["paired"]["difference"]["amount"] == 0
    assert not experiment.record["network"]
    files = [path for path in experiment.space.folder.rglob("*") if path.is_file()]
    assert not any(url.encode() in path.read_bytes() for path in files)


def _rows(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        there = sa.inspect(connection).get_table_names()
        tables = [table for table in METADATA.sorted_tables if table.name in there]
        return {table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str) for table in tables}


def test_the_tables_that_an_experiment_reads_are_known_before_they_are_copied() -> None:
    code = "from ml_platform.operations.experiments import launch, trial\n"
    code += "from ml_platform.storage.tables import METADATA\nprint(*METADATA.tables)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    needed = "cells clock declared ingests keys ledger manifests outputs refs row_log source_marks successors versions"
    assert {*needed.split()} <= {*done.stdout.decode().split()}
