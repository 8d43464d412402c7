"""The command that shows what a run would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from ml_platform.cli.arguments import read_instant
from ml_platform.cli.json_output import print_json
from ml_platform.cli.run import simulated
from ml_platform.core.errors import listed
from ml_platform.core.formatting import all_up_to_date, elapsed_text
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.operations.planning.plan import Plan, Planned, Verdict, known_duration, unknown_durations
from ml_platform.project import Project, open_project

_STYLES: dict[Verdict, str] = {"up to date": "dim", "would run": "bold", "may run": "", "blocked": "red"}


def show_plan(directory: Path, until: str | None, *, data: bool = False, as_json: bool = False) -> None:
    """Print what running a project would do, or with `data` what its models would be trained on."""
    from ml_platform.operations.planning.planner import plan_project

    project = open_project(directory)
    if data:
        from ml_platform.cli.plan_data import show_data

        show_data(project, _instant(project, until), SafeConsole(), as_json=as_json)
        return
    plan = plan_project(project, _instant(project, until))
    if as_json:
        print_json(plan.as_json())
    else:
        print_plan(plan, SafeConsole())


def _instant(project: Project, until: str | None) -> datetime:
    """Return the project's time, or a later instant that its simulated clock could be moved to."""
    if until is None:
        return project.clock.now()
    return max(simulated(project).now(), read_instant(until, "--until"))


def print_plan(plan: Plan, console: Console) -> None:
    """Print a plan: a line for each step that is not up to date, each cause once for a model, then what it comes to."""
    title = styled("[bold]{}[/] at {} UTC", plan.project, f"{plan.now:%Y-%m-%d %H:%M}")
    if len(plan.having("up to date")) == len(plan.nodes):
        console.print(line(title.append(f". {next(conclusion(plan))}", "not bold")))
        return
    console.print()
    console.print(title)
    listed_steps = [node for node in plan.nodes if node.verdict != "up to date" or node.reasons]
    if listed_steps:
        table = PlainTable("step", "plan", "about", "why", whole={0, 1, 2}, right={2}, indent=2)
        causes: dict[str, set[str]] = {}
        for node in listed_steps:
            known = causes.setdefault(node.node.partition("/")[0], set())
            why = [cause for cause in node.causes if cause not in known]
            known.update(why)
            table.add_row(node.node, node.verdict, _about(node), "; ".join(why), style=_STYLES[node.verdict])
        console.print()
        console.print(table)
    console.print()
    for text in conclusion(plan):
        console.print(line(text))


def conclusion(plan: Plan) -> Iterator[str]:
    """Yield what a plan comes to, in sentences."""
    would, may, blocked = (plan.having(verdict) for verdict in ("would run", "may run", "blocked"))
    if not (would or may or blocked):
        yield all_up_to_date(len(plan.nodes))
        return
    current = plan.having("up to date")
    if current:
        yield f"{_steps(current)} {'is' if len(current) == 1 else 'are'} up to date."
    if would:
        yield f"{_steps(would)} would run: {_together(would)}."
    if may:
        it = "it" if len(may) == 1 else "they"
        reads, does = ("reads", "does") if len(may) == 1 else ("read", "do")
        yield f"{_steps(may)} may run, if what comes before changes what {it} {reads}: {_together(may)} if {it} {does}."
    unknown = unknown_durations([*would, *may])
    if would and may and not unknown:
        yield f"In total: {_together(would)}, or {_together([*would, *may])} if all of them run."
    if blocked:
        yield f"{_steps(blocked)} cannot run: {listed(node.node for node in blocked)}."
    if unknown:
        yield f"No duration estimate (never run before): {listed(unknown)}."


def _steps(nodes: Sequence[Planned]) -> str:
    return f"{len(nodes)} step{'' if len(nodes) == 1 else 's'}"


def _together(nodes: Sequence[Planned]) -> str:
    if len(unknown_durations(nodes)) == len(nodes):
        return "duration unknown"
    known = f"about {elapsed_text(known_duration(nodes))}"
    return f"{known}, and steps of unknown duration" if unknown_durations(nodes) else known


def _about(node: Planned) -> str:
    if node.verdict not in ("would run", "may run"):
        return ""
    return "unknown" if node.duration is None else elapsed_text(node.duration)
