"""What the commands of studies share: their options, and what is shown while they train."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from rich.console import Console

from ml_platform.cli.arguments import UsageError
from ml_platform.core.terminal_table import line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.declarations.node_kinds import ModelNode
from ml_platform.operations.experiments.studies import StudyResult, run_study
from ml_platform.project import Project


def run_asked_study(project: Project, node: type[ModelNode], model: str, asked: Mapping[str, Any]) -> StudyResult:
    """Return a study of a model, read or made now.

    Parameters
    ----------
    asked
        Options that were named; others are those of the declaration, or the defaults.

    Raises
    ------
    UsageError
        Where an option cannot be read.
    """
    project.require_model(model)
    options, console = _options(project, node, model, asked), SafeConsole(stderr=True)
    return run_study(project, node.name, model, options, datetime.now(UTC), lambda event: _show(event, console))


def _options(project: Project, node: type[ModelNode], model: str, asked: Mapping[str, Any]) -> BaseModel:
    assert node.Options is not None, "a study has options"
    declared = (project.spec.models[model].nodes or {}).get(node.name, {})
    try:
        return node.Options.model_validate({**declared, **asked})
    except ValidationError as error:
        fault = error.errors()[0]
        text = fault["msg"].removeprefix("Value error, ")
        raise UsageError(f"--{fault['loc'][0]}: {text[0].lower()}{text[1:]}.") from None


def _show(event: Mapping[str, Any], console: Console) -> None:
    if event["event"] == "begin" and event.get("not_confined"):
        text = f"Not confined: {event['not_confined']}. The project's code runs with your rights."
        console.print(line(text, "yellow"))
    if event["event"] == "step":
        console.print(line(f"Training: {event['node']}", "dim", indent=2))
