"""`ml-platform preview features/NAME` or `models/NAME`: a feature table or a label at a look, without a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import counted, instant_text, share_text, value_text
from ml_platform.core.plain_values import json_value
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.datasets.exclusions import EFFECTIVE_TIME, EXCLUSIONS
from ml_platform.datasets.labels.states import LABEL_STATE, LABEL_STATES
from ml_platform.project import Project, open_project
from ml_platform.reporting.overview.feature_preview import ColumnPreview, FeaturePreview, preview_features
from ml_platform.reporting.overview.label_preview import LabelPreview, preview_label

_PREFIX, _MODELS = "features/", "models/"


def show_preview(directory: Path, node: str, entity: Sequence[str], rows: int, as_json: bool) -> None:
    """Print a feature table with its newest values and the history of one entity, or the label of a model."""
    project = open_project(directory)
    if "/" not in node:
        node = f"{_PREFIX if node in project.spec.feature_tables else _MODELS}{node}"
    if node.startswith(_MODELS):
        if entity:
            raise UsageError("--entity belongs to features/NAME. Leave it out.")
        _show_label(project, node.removeprefix(_MODELS), rows, as_json)
        return
    if not node.startswith(_PREFIX):
        raise UsageError(f"{node} is no feature table and no model. Write {_PREFIX}NAME or {_MODELS}NAME.")
    preview = preview_features(project, node.removeprefix(_PREFIX), _key(entity), project.clock.now(), rows)
    if as_json:
        print_json(asdict(preview))
    else:
        _print(project, preview, SafeConsole())


def _show_label(project: Project, model: str, rows: int, as_json: bool) -> None:
    preview = preview_label(project, model, project.clock.now(), rows)
    if as_json:
        print_json(json_value(asdict(preview)))
        return
    console = SafeConsole()
    stretch = f"{instant_text(preview.start)} to {instant_text(preview.end)}"
    console.print(line(styled("[bold]{}[/]: {}", preview.model, preview.formula)))
    console.print(line(f"{counted(preview.questions, 'question')} of the test period, {stretch}", "dim"))
    for text in _label_lines(preview):
        console.print(line(text, indent=2))
    _print_rows("newest questions", [_in_words(row) for row in preview.newest], {}, console)


def _label_lines(preview: LabelPreview) -> Iterator[str]:
    """Yield how the label is spread, and how many questions have none, or are not asked, with the reason."""
    classes: Mapping[str, int] = preview.label.get("classes", {})
    shares = [f"{name} {share_text(rows / sum(classes.values()))}" for name, rows in classes.items()]
    figures = [f"{name} {value_text(value, '')}" for name, value in preview.label.items() if name != "classes"]
    if shares or figures:
        yield ", ".join([*shares, *figures])
    yield "; ".join(f"{rows:,} {LABEL_STATES[state]}" for state, rows in preview.states.items()) or "no question"
    if preview.excluded:
        yield f"not asked: {'; '.join(f'{rows:,} {EXCLUSIONS[reason]}' for reason, rows in preview.excluded.items())}"


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in (EFFECTIVE_TIME, LABEL_STATE)}
    return shown | {"batch run": row[EFFECTIVE_TIME], "state": LABEL_STATES[row[LABEL_STATE]]}


def _key(entity: Sequence[str]) -> dict[str, str]:
    key = {}
    for text in entity:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--entity {text} is no key. Write NAME=VALUE, such as --entity carrier=UA.")
        key[name] = value
    return key


def _print(project: Project, preview: FeaturePreview, console: SafeConsole) -> None:
    how = "was computed before" if preview.reused else "is computed now"
    console.print(line(styled("[bold]{}[/] {}", preview.table, how)))
    console.print(line(f"{preview.sampled:,} sampled values of each column, at ticks from the first row on", "dim"))
    table = PlainTable("column", "missing", "distinct", "10 %", "median", "90 %", right={1, 2, 3, 4, 5}, indent=2)
    for column in preview.columns:
        table.add_row(column.name, share_text(column.missing), f"{column.distinct:,}", *_spread(column))
    console.print(table)
    units = {column.name: column.unit for column in preview.columns}
    _print_rows("newest values", preview.newest, units, console)
    _print_rows("history of this entity", preview.history, units, console)


def _spread(column: ColumnPreview) -> tuple[str, str, str]:
    if column.share is not None:
        return "", f"{column.most} {share_text(column.share)}", ""
    if column.median is None:
        return "", "", ""
    low, median, high = (value_text(value, column.unit) for value in (column.low, column.median, column.high))
    return low, median, high


def _print_rows(title: str, rows: Sequence[Mapping[str, Any]], units: Mapping[str, str], console: SafeConsole) -> None:
    if not rows:
        return
    console.print()
    console.print(line(styled("[bold]{}[/]", title)))
    table = PlainTable(*rows[0], indent=2)
    for row in rows:
        table.add_row(*(_cell(value, units.get(name, "")) for name, value in row.items()))
    console.print(table)


def _cell(value: Any, unit: str) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value_text(float(value), unit)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text[:16].replace("T", " ") if text[10:11] == "T" and text.endswith("Z") else text
