"""A rollback at the terminal: the champion moves at once, and MLflow hears of it without being waited for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ml_platform.cli.rollback import roll_back_model
from ml_platform.project import open_project
from ml_platform.registry.champion import champion
from ml_platform.reporting.mlflow.outbox import waiting
from tests.audit.verify.factory import MODEL, build_factory

pytestmark = pytest.mark.slow


def test_mlflow_gets_the_version_that_a_rollback_makes_champion(tmp_path: Path) -> None:
    root = build_factory(tmp_path).root
    before = champion(open_project(root), MODEL)
    began = time.monotonic()
    assert roll_back_model(root, MODEL, None, "it upsets customers", "ada") == 0
    assert time.monotonic() - began < 5
    project = open_project(root)
    current = champion(project, MODEL)
    assert current is not None
    assert current != before
    record = waiting(project)[-1][1]
    assert (record.model, record.key, record.stage) == (MODEL, current.id, "deployment")
    assert record.description.endswith(": it upsets customers")
