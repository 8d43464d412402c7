"""The champion at the terminal: a rollback moves it at once, and MLflow hears of it without being waited for."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ml_platform.cli.explain import show_champion
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


def test_the_champion_of_a_model_that_is_not_declared_any_more_predicts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_factory(tmp_path).root
    show_champion(root, MODEL, "2024-03-03", as_json=False)
    assert "declares no such model" not in capsys.readouterr().out
    (root / f"models/{MODEL}.yaml").unlink()
    show_champion(root, MODEL, "2024-03-03", as_json=False)
    assert "The project declares no such model now: nothing is predicted by it." in capsys.readouterr().out
    show_champion(root, MODEL, "2024-03-03", as_json=True)
    assert json.loads(capsys.readouterr().out)["declared"] is False
