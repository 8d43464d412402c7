"""The command that lists logged predictions."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from shlex import quote

import pandas as pd

from ml_platform.cli.arguments import read_day
from ml_platform.cli.json_output import print_json
from ml_platform.cli.model_details import missed_texts
from ml_platform.core.formatting import cents_text
from ml_platform.core.plain_values import json_value
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL
from ml_platform.operations.predictions.missed import missed_rows
from ml_platform.operations.predictions.taken_actions import TAKEN, with_taken
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.versions import all_versions

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def list_predictions(directory: Path, model: str, day: str | None, limit: int, as_json: bool) -> None:
    """Print the newest logged predictions of a model, newest first."""
    project = open_project(directory)
    project.require_model(model)
    start, end = _bounds(day, project.clock.now())
    frame = read_predictions(project, model, start, end)
    frame = frame.sort_values(["effective_time", "prediction_id"], ascending=[False, True]).head(limit)
    frame = with_taken(project, model, frame, project.clock.now())
    shown = frame[_columns(project, model, frame)]
    if as_json:
        print_json({"predictions": json_value(shown.to_dict(orient="records"))})
    elif shown.empty:
        print(
            f"No prediction of {model} is logged{f' for {day}' if day else ''}.{_why_none(project, model, directory)}"
        )
    else:
        _print(project, model, shown, directory)


def _why_none(project: Project, model: str, directory: Path) -> str:
    """Return why nothing is predicted where no version is live, and the commands that help."""
    if champion(project, model) is not None:
        return ""
    if not any(version.model == model for version in all_versions(project)):
        return f" It is not trained yet: ml-platform run {quote(str(directory))}"
    where = quote(str(directory))
    return (
        " No version of it is live, and only the live version predicts by itself.\n"
        f"  why none is live           ml-platform status {model} {where}\n"
        f"  predict with the newest    ml-platform predict {model}@latest FILE {where}"
    )


def _columns(project: Project, model: str, frame: pd.DataFrame) -> list[str]:
    key = list(project.spec.file.entities[project.spec.models[model].population.entity])
    scores = [name for name in frame.columns if name == "score" or name.startswith("score.")]
    late = ["late"] if frame["late"].any() else []
    named = ["prediction_id", *key, "effective_time", *late, "version", *scores, "action", "expected_value"]
    return [*named, *(name for name in (BEST_ACTION, CONTROL, TAKEN) if name in frame)]


def _print(project: Project, model: str, shown: pd.DataFrame, directory: Path) -> None:
    unused = [name for name in ("action", "expected_value") if shown[name].isna().all()]
    shown = shown.drop(columns=unused)  # a model of a number may have no actions
    names = list(shown.columns)
    every = range(len(names))
    needed = [place for place in every if names[place].startswith("score") or names[place] in _ACTIONS]
    spare = [place for place in every[1:] if place not in needed]
    figures = [place for place in every if names[place].startswith("score") or names[place] == "expected_value"]
    order = sorted(spare, key=lambda place: _SPARE.get(names[place], 3))
    table = PlainTable(*names, whole=every, right=figures, spare=order)
    unit = project.spec.unit_of_value(model)
    for row in shown.itertuples(index=False):
        table.add_row(*(_text(name, value, unit) for name, value in zip(names, row, strict=True)))
    console = SafeConsole()
    console.print(table)
    if not console.is_terminal:
        console = SafeConsole(stderr=True)  # a pipe gets the predictions and nothing else
    missed = missed_rows(project, model, project.clock.now())
    for text in missed_texts(missed) if missed else ():
        console.print()
        console.print(line(text))
    command = styled("[dim]Why?[/]  ml-platform explain {} {}", shown["prediction_id"].iloc[0], quote(str(directory)))
    console.print()
    console.print(command, soft_wrap=True)


_ACTIONS = ("action", TAKEN)
_SPARE = {"version": 0, "effective_time": 1, "late": 2, "expected_value": 4, CONTROL: 2, BEST_ACTION: 2}
"""In which order a narrow terminal leaves columns out; the columns of the key have 3."""


def _bounds(day: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Return the half-open stretch ``(start, end]`` of batch runs to list."""
    if day is None:
        return _LONG_AGO, now
    first = datetime.combine(read_day(day), time(), UTC)
    moment = timedelta(microseconds=1)
    return first - moment, first + timedelta(days=1) - moment


def _text(name: str, value: object, unit: str) -> str:
    if value is None or value != value:
        return ""
    if name == "expected_value" and isinstance(value, float):
        return cents_text(value, unit)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
