"""One attempt at a deployment, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from ml_platform.core.errors import StaleEvaluation
from ml_platform.project import open_project
from ml_platform.registry.deploy import deploy
from tests.audit.verify.factory import MODEL, NOON


def attempt(root: Path, trained: str, evaluation: str, number: int) -> str | None:
    """Return whom the attempt made champion; None where somebody else was first."""
    project = open_project(root)
    try:
        line = deploy(project, MODEL, trained, evaluation, f"process {number}", NOON)
        return None if line is None else line.to_value
    except StaleEvaluation:
        return None
    finally:
        project.database.engine.dispose()
