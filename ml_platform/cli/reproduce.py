"""The command that retrains a version and compares the fitted state."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ml_platform.audit.reproduce.history import ReproductionRun, keep_attempt
from ml_platform.audit.reproduce.reproducer import Reproduction, reproduce
from ml_platform.cli.json_output import print_json
from ml_platform.core.terminal_table import Cell, fact_table, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.project import open_project
from ml_platform.registry.resolve import version_named

_SHOWN = 12


def reproduce_version(
    directory: Path, name: str, today: bool, from_sources: bool, tolerance: float, as_json: bool
) -> int:
    """Retrain a version, print the outcome, and return the exit code: 0 where the result is the same."""
    project = open_project(directory)
    version = version_named(project, name)
    reproduction = reproduce(project, version, today=today, from_sources=from_sources, tolerance=tolerance)
    keep_attempt(project, ReproductionRun(str(version), project.clock.now(), reproduction.same, reproduction.statement))
    if as_json:
        print_json({**asdict(reproduction), "same": reproduction.same, "statement": reproduction.statement})
    else:
        _print(reproduction, SafeConsole())
    return 0 if reproduction.same else 1


def _print(reproduction: Reproduction, console: Console) -> None:
    mark = "[green]the same[/]" if reproduction.same else "[red]not the same[/]"
    console.print(styled(f"\n[bold]{{}}[/] retrained: {mark}\n", reproduction.version))
    rebuilt = {True: ", rebuilt from its sources: the same id", False: ", rebuilt from its sources: another id"}
    facts: list[tuple[str, Cell]] = [
        ("trained model", reproduction.trained_model),
        (
            "snapshot",
            reproduction.snapshot_id + (rebuilt[reproduction.snapshot] if reproduction.snapshot is not None else ""),
        ),
        ("declared in", _commit(reproduction)),
    ]
    for name, same in reproduction.fitted.items():
        facts.append((name, "the same fitted state" if same else Text("another fitted state", "red")))
    console.print(fact_table(facts))
    console.print()
    console.print(line(f"{reproduction.statement[0].upper()}{reproduction.statement[1:]}".rstrip(".") + ".", hang=0))
    _list(console, "Differences from the first training:", [str(item) for item in reproduction.differences])
    _list(console, "Files of the project that have changed since:", [str(item) for item in reproduction.files])


def _commit(reproduction: Reproduction) -> str:
    if reproduction.commit is None:
        return "no commit: the project was not in a repository"
    dirty = (
        f", with uncommitted changes in {', '.join(reproduction.commit['changed'])}"
        if reproduction.commit["dirty"]
        else ""
    )
    return f"commit {reproduction.commit['commit']}{dirty}"


def _list(console: Console, title: str, lines: list[str]) -> None:
    if lines:
        console.print(styled("\n[dim]{}[/]", title))
        for text in lines[:_SHOWN]:
            console.print(line(text, indent=2))
        if len(lines) > _SHOWN:
            console.print(f"  and {len(lines) - _SHOWN} more", highlight=False)
