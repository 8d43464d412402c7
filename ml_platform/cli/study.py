"""What the commands of studies share: their options, and what is shown while they train."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from ml_platform.core.terminal_table import line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.declarations.node_kinds import ModelNode
from ml_platform.operations.experiments.studies import StudyResult, run_study, study_options
from ml_platform.project import Project


def run_asked_study(project: Project, node: type[ModelNode], model: str, asked: Mapping[str, Any]) -> StudyResult:
    """Return a study of a model, read or made now.

    Parameters
    ----------
    asked
        Options that were named; others are those of the declaration, or the defaults.

    Raises
    ------
    ExperimentError
        Where an option cannot be read, or does not fit the model.
    """
    options, console = study_options(project, node.name, model, asked), SafeConsole(stderr=True)
    return run_study(project, node.name, model, options, datetime.now(UTC), lambda event: _show(event, console))


def _show(event: Mapping[str, Any], console: Console) -> None:
    if event["event"] == "begin" and event.get("not_confined"):
        text = f"Not confined: {event['not_confined']}. The project's code runs with your rights."
        console.print(line(text, "yellow"))
    if event["event"] == "step":
        console.print(line(f"Training: {event['node']}", "dim", indent=2))
