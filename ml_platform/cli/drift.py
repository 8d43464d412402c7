"""`ml-platform drift`: the columns of a model beside their usual ranges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ml_platform.cli.json_output import print_json
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.operations.monitoring.column_range import ColumnRange
from ml_platform.project import open_project
from ml_platform.reporting.overview.drift_columns import DriftOverview, drift_overview

_COLORS = {"drifted": "yellow", "not drifted": "green", "inconclusive": "dim", "too few rows": "dim"}
_SHOWN = 15
_OF_EACH = 3


def show_drift(directory: Path, model: str | None, everything: bool, as_json: bool) -> None:
    """Print the verdict on each column of one model, or of every model.

    Raises
    ------
    UnknownModel
    """
    project = open_project(directory)
    if model is not None:
        project.require_model(model)
    names = list(project.spec.models) if model is None else [model]
    overviews = {name: drift_overview(project, name) for name in names}
    if as_json:
        print_json({"models": [item.as_json() for item in overviews.values() if item is not None]})
        return
    console = SafeConsole()
    for name, item in overviews.items():
        console.print()
        if item is None:
            console.print(styled("[bold]{}[/]: not monitored yet", name))
        else:
            _print(item, console, _SHOWN if model else _OF_EACH, everything=everything)


def _print(item: DriftOverview, console: Console, few: int, *, everything: bool) -> None:
    title = styled("[bold]{}[/]: {}", item.model, item.reason)
    console.print(line(title))
    if item.start is None or item.end is None:
        return
    window = f"{item.rows:,} predictions from {_minute(item.start)} to {_minute(item.end)} UTC"
    console.print(line(f"{window}, beside the rows that version {item.version} learned from", "dim"))
    matters = " ".join(filter(None, [item.importance_text, item.earned]))
    if matters:
        console.print(line(matters))
    shown = item.columns if everything else _first(item.columns, few)
    if shown:
        console.print()
        console.print(_table(shown))
    if len(shown) < len(item.columns):
        hidden = len(item.columns) - len(shown)
        console.print(line(f"and {hidden} more columns that did not drift: --all", "dim", indent=2))


def _first(columns: Sequence[ColumnRange], least: int) -> Sequence[ColumnRange]:
    """Return every column that drifted, and more where these are few; they are ordered by how far they moved."""
    drifted = sum(column.verdict == "drifted" for column in columns)
    return columns[: max(drifted, least)]


def _table(columns: Sequence[ColumnRange]) -> PlainTable:
    heads = ("column", "verdict", "what moved", "usual range", "now", "smallest visible change")
    table = PlainTable(*heads, whole={0, 1, 4}, spare=(5,), indent=2)
    for item in columns:
        verdict = Text(item.verdict, _COLORS.get(item.verdict, ""))
        visible = item.smallest_visible or item.note
        table.add_row(item.column, verdict, item.what_text, item.range_text, item.now_text, visible)
    return table


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
