"""`ml-platform ablation MODEL`: what each source and each feature table is worth to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from ml_platform.cli.json_output import print_json
from ml_platform.cli.study import run_asked_study
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.declarations.node_kinds.ablation import AblationNode
from ml_platform.operations.experiments.studies import StudyResult
from ml_platform.project import open_project
from ml_platform.reporting.overview.ablation_lines import AblationLine, ablation_lines, ablation_sentences
from ml_platform.storage.artifact_kinds.ablation import AblationManifest


def ablation(directory: Path, model: str, asked: Mapping[str, Any], html: Path | None, as_json: bool) -> None:
    """Train a model without each part of its inputs, and print what each is worth, or write it as a page."""
    project = open_project(directory)
    result = run_asked_study(project, AblationNode, model, asked)
    about = result.manifest
    assert isinstance(about, AblationManifest)
    lines = tuple(ablation_lines(project, about))
    page = _write(about, lines, html) if html is not None else None
    if as_json:
        facts = {"snapshot": result.snapshot, "verdict": list(ablation_sentences(about)), **about.as_json()}
        print_json({**facts, "lines": [asdict(item) for item in lines], "page": str(page) if page else None})
    elif page is not None:
        print(f"{ablation_sentences(about)[0]} Open {page.as_uri()}")
    else:
        _print(about, lines, result, SafeConsole())


def _write(about: AblationManifest, lines: Sequence[AblationLine], html: Path) -> Path:
    from ml_platform.core.page_file import write_page_file
    from ml_platform.reporting.site.pages import ablation_page

    return write_page_file(ablation_page(about, lines), html)


def _print(about: AblationManifest, lines: Sequence[AblationLine], result: StudyResult, console: Console) -> None:
    first, *others = ablation_sentences(about)
    console.print()
    console.print(line(styled("[bold]{}[/]", first), hang=0))
    for text in others:
        console.print(line(text))
    for kind in dict.fromkeys(item.kind for item in lines):
        console.print(styled("\n[bold]Worth of each {}[/] [dim](earned more with it, {})[/]", kind, about.currency))
        console.print(_table(kind, [item for item in lines if item.kind == kind]))
    for note in about.notes:
        console.print(line(note, "yellow"))
    if result.was_stored:
        console.print(line("Read from the last run.", "dim"))


def _table(kind: str, lines: Sequence[AblationLine]) -> PlainTable:
    heads = (kind, "verdict", "a row", "interval", "a month")
    if kind == "feature":
        table = PlainTable(*heads, whole=(0,), right=(2, 4))
        for item in lines:
            table.add_row(item.name, item.verdict, item.worth, item.interval, item.monthly)
        return table
    table = PlainTable(*heads, "costs a month", "newest rows", "record", whole=(0,), right=(2, 4, 5))
    for item in lines:
        about = (item.name, item.verdict, item.worth, item.interval, item.monthly)
        table.add_row(*about, item.cost or "–", item.newest, item.record)
    return table
