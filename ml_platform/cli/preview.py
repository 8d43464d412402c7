"""`ml-platform preview features/NAME`: a feature table at a look, without a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import share_text, value_text
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.project import Project, open_project
from ml_platform.reporting.overview.feature_preview import ColumnPreview, FeaturePreview, preview_features

_PREFIX = "features/"


def show_preview(directory: Path, node: str, entity: Sequence[str], rows: int, as_json: bool) -> None:
    """Print the columns of a feature table, its newest values, and the history of one entity."""
    if not node.startswith(_PREFIX):
        raise UsageError(f"{node} is no feature table. Write {_PREFIX}NAME; `ml-platform plan --data` looks at labels.")
    project = open_project(directory)
    preview = preview_features(project, node.removeprefix(_PREFIX), _key(entity), project.clock.now(), rows)
    if as_json:
        print_json(asdict(preview))
    else:
        _print(project, preview, SafeConsole())


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
    text = str(value)
    return text[:16].replace("T", " ") if text[10:11] == "T" and text.endswith("Z") else text
