"""Commands that read: status and predictions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from shlex import quote

from ml_platform.cli.arguments import read_day
from ml_platform.cli.json_output import print_json
from ml_platform.cli.summary import missed_text, print_status, wide_console
from ml_platform.core.errors import UnknownModel
from ml_platform.core.terminal_text import plain_table, styled
from ml_platform.project import open_project

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def show_status(directory: Path, as_json: bool) -> None:
    """Print how a project stands."""
    from ml_platform.reporting.status import project_status

    project = open_project(directory)
    if as_json:
        print_json(project_status(project, project.clock.now()).as_json())
    else:
        print_status(project, wide_console())


def list_predictions(directory: Path, model: str, day: str | None, limit: int, as_json: bool) -> None:
    """Print the newest logged predictions of a model, newest first."""
    from ml_platform.operations.predictions.missed import missed_rows
    from ml_platform.storage.prediction_log import read_predictions

    project = open_project(directory)
    if model not in project.spec.models:
        raise UnknownModel(model, list(project.spec.models))
    start, end = _bounds(day, project.clock.now())
    frame = read_predictions(project, model, start, end)
    frame = frame.sort_values(["effective_time", "prediction_id"], ascending=[False, True]).head(limit)
    key = list(project.spec.file.entities[project.spec.models[model].population.entity])
    scores = [name for name in frame.columns if name == "score" or name.startswith("score.")]
    late = ["late"] if frame["late"].any() else []
    columns = ["prediction_id", *key, "effective_time", *late, "version", *scores]
    shown = frame[[*columns, "action", "expected_value"]]
    if as_json:
        print_json({"predictions": json.loads(shown.to_json(orient="records", date_format="iso", date_unit="us"))})
        return
    if shown.empty:
        print(f"No prediction of {model} is logged{f' for {day}' if day else ''}.")
        return
    table = plain_table(*shown.columns, whole=range(len(shown.columns)))
    for row in shown.itertuples(index=False):
        table.add_row(*(_text(value) for value in row))
    console, newest = wide_console(), shown["prediction_id"].iloc[0]
    console.print(table)
    missed = missed_rows(project, model, project.clock.now())
    if missed is not None and missed.reasons:
        console.print(f"\n{missed_text(missed)}", highlight=False, soft_wrap=True)
    console.print(styled("\n[dim]Why?[/]  ml-platform explain {} {}", newest, quote(str(directory))), soft_wrap=True)


def _bounds(day: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Return the half-open stretch ``(start, end]`` of batch runs to list."""
    if day is None:
        return _LONG_AGO, now
    first = datetime.combine(read_day(day), time(), UTC)
    moment = timedelta(microseconds=1)
    return first - moment, first + timedelta(days=1) - moment


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
