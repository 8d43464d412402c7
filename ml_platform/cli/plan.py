"""The command that shows what a run would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from ml_platform.cli.arguments import read_instant
from ml_platform.cli.json_output import print_json
from ml_platform.cli.plan_text import (
    about_text,
    breaking_texts,
    breaking_word,
    causes_once,
    compared_texts,
    conclusion,
    why_text,
    worth_texts,
)
from ml_platform.cli.run import simulated
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.operations.planning.changes import (
    Comparison,
    beside_trained,
    changes_since_revision,
    changes_since_run,
)
from ml_platform.operations.planning.plan import Plan, Verdict
from ml_platform.project import Project, open_project

CHANGES = 2
"""The exit code where a run would or may do something, or where something changed against a revision."""
BREAKING = 3
"""The exit code where a change against a revision is breaking."""
_STYLES: dict[Verdict, str] = {"up to date": "dim", "would run": "bold", "may run": "", "blocked": "red"}


@dataclass(frozen=True)
class PlanForm:
    """What is planned, and in which form it is printed, as the options of the command have it."""

    against: str | None = None
    data: bool = False
    evaluate: bool = False
    markdown: bool = False
    exit_code: bool = False
    as_json: bool = False


def show_plan(directory: Path, until: str | None, form: PlanForm | None = None) -> int:
    """Print what running a project would do, or with `data` what its models would be trained on.

    Returns
    -------
    int
        The exit code: 0, or with `exit_code` 2 where a run would or may do something; against a revision 2 where
        something changed, and 3 where a change is breaking.
    """
    from ml_platform.operations.planning.planner import plan_project

    project, form = open_project(directory), form or PlanForm()
    if form.data:
        from ml_platform.cli.plan_data import show_data

        show_data(project, _instant(project, until), SafeConsole(), as_json=form.as_json)
        return 0
    now = _instant(project, until)
    compared = beside_trained(_compared(project, form.against), project, now)
    plan = plan_project(project, now)
    evaluated = _evaluated(project) if form.evaluate else None
    if form.as_json:
        print_json(
            plan.as_json() | {"changes": compared.as_json()} | ({} if evaluated is None else {"evaluated": evaluated})
        )
    elif form.markdown:
        from ml_platform.cli.plan_markdown import plan_markdown

        print(plan_markdown(plan, evaluated, compared))
    else:
        print_plan(plan, SafeConsole(), evaluated, compared)
    return _exit_code(plan, compared) if form.exit_code else 0


def _exit_code(plan: Plan, compared: Comparison) -> int:
    if compared.revision:
        return BREAKING if compared.breaking else CHANGES if compared.changes else 0
    return 0 if len(plan.having("up to date")) == len(plan.nodes) else CHANGES


def _compared(project: Project, revision: str | None) -> Comparison:
    if revision is None:
        return changes_since_run(project.spec, project.database)
    return changes_since_revision(project.spec, revision)


def _evaluated(project: Project) -> list[Mapping[str, Any]]:
    from ml_platform.operations.experiments.evaluate_changes import evaluate_changes

    return evaluate_changes(project, datetime.now(UTC))


def _instant(project: Project, until: str | None) -> datetime:
    """Return the project's time, or a later instant that its simulated clock could be moved to."""
    if until is None:
        return project.clock.now()
    return max(simulated(project).now(), read_instant(until, "--until"))


def print_plan(
    plan: Plan,
    console: Console,
    evaluated: Sequence[Mapping[str, Any]] | None = None,
    compared: Comparison | None = None,
) -> None:
    """Print a plan: a line for each step that is not up to date, each cause once for a model, then what it comes to."""
    if compared is not None and compared.revision:
        _print_changes(compared, console)
    _print_steps(plan, console)
    if compared is not None and not compared.revision:
        for text in breaking_texts(compared):
            console.print(line(text))
    if evaluated is not None:
        console.print()
        for text in worth_texts(evaluated):
            console.print(line(text))


def _print_changes(compared: Comparison, console: Console) -> None:
    console.print()
    for text in compared_texts(compared):
        console.print(line(text))
    if not compared.changes:
        return
    table = PlainTable("node", "change", "breaking", "why", whole={0, 1, 2}, indent=2)
    for change in compared.changes:
        style = "bold" if change.breaks else ""
        table.add_row(change.node, change.sort, breaking_word(change), why_text(change), style=style)
    console.print()
    console.print(table)


def _print_steps(plan: Plan, console: Console) -> None:
    title = styled("[bold]{}[/] at {} UTC", plan.project, f"{plan.now:%Y-%m-%d %H:%M}")
    if len(plan.having("up to date")) == len(plan.nodes):
        console.print(line(title.append(f". {next(conclusion(plan))}", "not bold")))
        return
    console.print()
    console.print(title)
    steps = causes_once(plan)
    if steps:
        table = PlainTable("step", "plan", "about", "why", whole={0, 1, 2}, right={2}, indent=2)
        for node, why in steps:
            table.add_row(node.node, node.verdict, about_text(node), "; ".join(why), style=_STYLES[node.verdict])
        console.print()
        console.print(table)
    console.print()
    for text in conclusion(plan):
        console.print(line(text))
