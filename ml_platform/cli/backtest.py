"""`ml-platform backtest MODEL`: the model trained at past origins, and what it earned after each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ml_platform.cli.json_output import print_json
from ml_platform.cli.study import run_asked_study
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.declarations.node_kinds.backtest import BacktestNode
from ml_platform.operations.experiments.studies import StudyResult
from ml_platform.project import open_project
from ml_platform.reporting.overview.backtest_lines import (
    age_lines,
    backtest_sentences,
    metric_names,
    origin_lines,
    schedule_lines,
)
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest


def backtest(directory: Path, model: str, asked: Mapping[str, Any], html: Path | None, as_json: bool) -> None:
    """Backtest a model and print the result, or write it as a page.

    Parameters
    ----------
    asked
        Options that were named; others are those of the declaration, or the defaults.
    """
    project = open_project(directory)
    result = run_asked_study(project, BacktestNode, model, asked)
    about = result.manifest
    assert isinstance(about, BacktestManifest)
    page = _write(about, html) if html is not None else None
    if as_json:
        facts = {"snapshot": result.snapshot, "verdict": list(backtest_sentences(about)), **about.as_json()}
        print_json({**facts, "page": str(page) if page else None})
    elif page is not None:
        print(f"{backtest_sentences(about)[0]} Open {page.as_uri()}")
    else:
        _print(about, result, SafeConsole())


def _write(about: BacktestManifest, html: Path) -> Path:
    from ml_platform.core.page_file import write_page_file
    from ml_platform.reporting.site.pages import backtest_page

    return write_page_file(backtest_page(about), html)


def _print(about: BacktestManifest, result: StudyResult, console: Console) -> None:
    first, *others = backtest_sentences(about)
    console.print()
    console.print(line(styled("[bold]{}[/]", first), hang=0))
    for text in others:
        console.print(line(text))
    console.print(styled("\n[bold]By origin[/] [dim](gain of a row over doing nothing, {})[/]", about.currency))
    console.print(_origins(about))
    console.print(styled("\n[bold]By age of the model[/] [dim](on the same rows; intervals hold together)[/]"))
    ages = PlainTable("age", "rows", "fresh", "of this age", "lost a row", "interval", right=(1, 2, 3, 4))
    for item in age_lines(about):
        ages.add_row(item.age, item.rows, item.fresh, item.aged, item.loss, item.interval)
    console.print(ages)
    against = f"against one model for {about.whole_days:g} days, {about.currency} a week"
    console.print(styled("\n[bold]How often to retrain[/] [dim]({})[/]", against))
    schedules = PlainTable("retrained", "earned more", "interval", right=(1,))
    for schedule in schedule_lines(about):
        schedules.add_row(schedule.schedule, schedule.more, schedule.interval)
    console.print(schedules)
    for note in about.notes:
        console.print(line(note, "yellow"))
    if result.was_stored:
        console.print(line("Read from the last run.", "dim"))


def _origins(about: BacktestManifest) -> PlainTable:
    names = metric_names(about)
    chosen = ["chosen"] if about.origins[0].chosen else []
    heads = ("origin", "fitted on", "rows", "gain", "95 % interval", "other seeds", *names, *chosen)
    table = PlainTable(*heads, whole=(0,), right=(1, 2, 3))
    for item in origin_lines(about):
        cells = [item.metrics[name] for name in (*names, *chosen)]
        table.add_row(item.origin, item.fitted, item.rows, item.gain, item.interval, item.other_seeds, *cells)
    return table
