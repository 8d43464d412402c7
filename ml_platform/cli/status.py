"""The command that shows the state of a project: a line for each model, what needs a person, then the data."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ml_platform.cli.attention import HEALTH_COLORS, print_attention
from ml_platform.cli.json_output import print_json
from ml_platform.cli.model_details import print_model
from ml_platform.core.formatting import instant_text
from ml_platform.core.hashing import format_instant
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.reporting.overview.model_overview import ModelOverview, overview_of
from ml_platform.reporting.status import DataStatus, ProjectStatus, project_status

_ALERTS = 3


def show_status(directory: Path, model: str | None, as_json: bool) -> None:
    """Print the state of a project, or of one of its models in full.

    Raises
    ------
    UnknownModel
    """
    project = open_project(directory)
    if model is not None:
        project.require_model(model)
    if model is None and not as_json:
        print_status(project, SafeConsole())
        return
    status = project_status(project, project.clock.now())
    if model is None or as_json:
        _print_json(project, status, model)
    else:
        print_model(project, status, _overviews(project, status, model)[0], SafeConsole())


def print_summary(project: Project, console: Console) -> None:
    """Print the status with what to do next."""
    print_status(project, console)
    where = shlex.quote(str(project.root))
    model = next(iter(project.spec.models), "MODEL")
    is_live = champion(project, model) is not None if model in project.spec.models else True
    console.print()
    console.print(line("Next", "bold"))
    table = PlainTable("", "", whole={0}, indent=2)
    table.style_column(1, "dim")
    for command, what in (
        (f"ml-platform status {model} {where}", "one model in full"),
        (f"ml-platform up {where}", "the whole graph in the Dagster UI, the runs in MLflow"),
        (f"ml-platform advance 1d {where} --run", "simulate the next day"),
        (f"ml-platform predictions {model} {where}", "list predictions")
        if is_live
        else (f"ml-platform predict {model}@latest FILE {where}", "predict with a version that is not live"),
    ):
        table.add_row(command, what)
    console.print(table)


def print_status(project: Project, console: Console) -> None:
    """Print the state of a project: a line for each model, what needs a person, the data, and what waits."""
    status = project_status(project, project.clock.now())
    overviews = _overviews(project, status)
    console.print()
    console.print(styled("[bold]{}[/] at {} UTC", status.project, f"{status.now:%Y-%m-%d %H:%M}"))
    if status.clock:
        console.print(line(f"clock: {status.clock}", "yellow"))
    console.print()
    console.print(_models(overviews))
    print_attention(overviews, console)
    console.print()
    console.print(_data(project, status))
    if status.online_store is not None:
        color = "yellow" if status.online_store.is_late else ""
        console.print(line(f"online store: {status.online_store.text}", color, indent=2))
    if status.mlflow_waiting:
        waiting = f"{status.mlflow_waiting} records for MLflow at {project.mlflow_address} wait to be delivered."
        console.print(line(waiting, "yellow", indent=2))
    if status.alerts:
        console.print()
    for alert in status.alerts[:_ALERTS]:
        when = alert["at"][:16].replace("T", " ")
        console.print(line(f"alert of {when}: {alert.get('title', '')}", "yellow", indent=2))


def _overviews(project: Project, status: ProjectStatus, only: str | None = None) -> list[ModelOverview]:
    return [overview_of(project, status, model) for model in status.models if only in (None, model.name)]


def _print_json(project: Project, status: ProjectStatus, only: str | None) -> None:
    body = status.as_json()
    body["models"] = [model for model in body["models"] if only in (None, model["name"])]
    print_json(body | {"overview": [item.as_json() for item in _overviews(project, status, only)]})


def _models(overviews: list[ModelOverview]) -> PlainTable:
    """Return a line for each model: what is live, what it earned beyond doing nothing, health, the last training."""
    heads = ("model", "live", "earned since deployment", "newest window", "health", "last training")
    table = PlainTable(*heads, whole={0, 4}, indent=2)
    for item in overviews:
        training = item.last_training
        table.add_row(
            Text(item.name, "bold"),
            item.live_text,
            item.worth.short_text if item.worth else "not known yet",
            _newest(item),
            Text(item.health, HEALTH_COLORS[item.health]),
            training.training_text if training else "never",
        )
    return table


def _newest(item: ModelOverview) -> str:
    if item.window_worth is None:
        return "not known yet"
    return "the same days" if item.window_worth == item.worth else item.window_worth.short_text


def _data(project: Project, status: ProjectStatus) -> PlainTable:
    table = PlainTable("data", "rows", "features", "newest", "", right={1, 2}, whole={0, 3}, spare=(2,), indent=2)
    for item in status.sources:
        table.add_row(*_data_row(item, "", status))
    for item in status.feature_tables:
        columns = len(project.spec.feature_tables[item.name].columns)
        table.add_row(*_data_row(item, str(columns), status))
    return table


def _data_row(item: DataStatus, columns: str, status: ProjectStatus) -> tuple[str, ...]:
    bad = [f"failed {', '.join(item.failed_checks)}"] if item.failed_checks else []
    bad += [f"failed at {instant_text(item.failure.at)}: {item.failure.problem}"] if item.failure else []
    if item.id is None:
        return item.name, "", "", "", "; ".join([*bad, "not made yet"])
    newest = min(item.newest or "", format_instant(status.now))[:16].replace("T", " ")
    return item.name, f"{item.rows or 0:,}", columns, newest, "; ".join([*bad, *item.notes])
