"""Printing a look at the data before the first run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from rich.console import Console

from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import bytes_text, elapsed_text, figure_text, instant_text, share_text, span_text
from ml_platform.core.plain_values import json_value
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import styled
from ml_platform.operations.planning.data_look import ModelData, PeriodData, look_at_data
from ml_platform.project import Project

_SHOWN = 8


def show_data(project: Project, now: datetime, console: Console, *, as_json: bool) -> None:
    """Read the data of a project and print what each model would be trained on."""
    if as_json:
        print_json({"models": [json_value(asdict(data)) for data in look_at_data(project, now)]})
        return
    for data in look_at_data(project, now):
        console.print(styled("\n[bold]{}[/], trained as of {}", data.model, instant_text(now)))
        if data.problem is not None:
            console.print(line(f"no snapshot can be made: {data.problem}", "red", indent=2))
            continue
        table = PlainTable("period", "rows", "entities", "label", right={1, 2}, indent=2)
        for name, period in (data.periods or {}).items():
            table.add_row(name, f"{period.rows:,}", f"{period.entities:,}", _label(period))
        console.print(table)
        for text, style in _lines(data):
            console.print(line(text, style, indent=2))


def _label(period: PeriodData) -> str:
    if "mean" in period.label:
        return f"mean {figure_text(period.label['mean'])}"
    return ", ".join(f"{name} {share_text(share)}" for name, share in list(period.label.items())[-_SHOWN:])


def _lines(data: ModelData) -> Iterator[tuple[str, str]]:
    """Yield a sentence and its style for each thing that a person should know."""
    if data.uncovered > timedelta(days=1):
        yield (
            f"the train period starts on {instant_text(data.starts)}, but the first row is of "
            f"{instant_text(data.first)}: {span_text(timedelta(days=data.uncovered.days))} have no rows. Shorten "
            "split.train, or ingest more history",
            "yellow",
        )
    dropped = [f"{rows:,} {reason.replace('_', ' ')}" for reason, rows in (data.excluded or {}).items()]
    if dropped:
        yield f"rows left out: {', '.join(dropped)}", ""
    nulls = list((data.nulls or {}).items())
    if nulls:
        more = f", and {len(nulls) - _SHOWN} more columns" if len(nulls) > _SHOWN else ""
        yield f"nulls: {', '.join(f'{name} {share_text(share)}' for name, share in nulls[:_SHOWN])}{more}", ""
    for name, share in nulls:
        if share == 1:
            yield f"{name} is null in every row: correct its declaration, or leave it out", "yellow"
    size = bytes_text(data.bytes)
    yield f"the rows take {size} of memory; reading and computing them took {elapsed_text(_span(data))}", "dim"


def _span(data: ModelData) -> timedelta:
    return timedelta(seconds=data.seconds)
