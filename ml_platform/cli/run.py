"""Running a project's job through Dagster, as a process of its own, with its progress on the screen."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from ml_platform.cli.arguments import read_instant, read_span
from ml_platform.cli.dagster_home import dagster_environment
from ml_platform.cli.exit import INTERRUPTED
from ml_platform.cli.json_output import print_json
from ml_platform.cli.run_log import RunLog
from ml_platform.cli.run_progress import Progress
from ml_platform.cli.run_unchanged import unchanged_events
from ml_platform.core.errors import ClockError
from ml_platform.core.formatting import all_up_to_date, counted, elapsed_text
from ml_platform.core.terminal_table import line
from ml_platform.core.terminal_text import SafeConsole, printable, styled
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.selection import select_nodes
from ml_platform.project import Project, open_project
from ml_platform.storage.simulated_clock import SimulatedClock

_RUNNER = "ml_platform_dagster.jobs.run"
_EVERYTHING = "update_everything"


@dataclass
class Run:
    """What a run has reported so far.

    Attributes
    ----------
    now
        The project's time when it began.
    steps
        Each finished step: its name, its result (made, unchanged, failed or skipped), and what was reported of it.
    """

    now: datetime
    code: int = 0
    seconds: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)

    def with_result(self, result: str) -> list[str]:
        """Return the names of the steps with a result."""
        return [step["step"] for step in self.steps if step["result"] == result]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"now": self.now.isoformat(), "exit_code": self.code, "seconds": self.seconds, "steps": self.steps}


def run_project(
    directory: Path, job: str, until: str | None, select: Sequence[str] = (), *, as_json: bool = False
) -> int:
    """Bring a project up to date and show the outcome.

    Parameters
    ----------
    until
        Then move the simulated clock to this instant, and run again.
    select
        Which nodes to make; all of the job by default.
    as_json
        Print the outcome as JSON, and the progress on stderr.

    Returns
    -------
    int
        The exit code.
    """
    project = open_project(directory)
    end = read_instant(until, "--until") if until else None
    console = SafeConsole(stderr=as_json)
    graph = build_graph(project.spec)
    only = select_nodes(graph, select) if select else ()
    runs = [_run_changes(project, job, *only, console=console)] if graph else [Run(project.clock.now())]
    if graph and end is not None and runs[0].code == 0 and project.clock.now() < end:
        _advance(project, end, console)
        runs.append(_run(project, job, *only, console=console))
    if as_json:
        now = project.clock.now().isoformat()
        print_json({"project": project.spec.name, "now": now, "runs": [run.as_json() for run in runs]})
    elif runs[-1].steps:
        _conclude(project, runs, console)
    elif not graph:
        console.print(line(all_up_to_date(0)))
    return runs[-1].code


def advance_project(directory: Path, by: str, then_run: bool, *, as_json: bool = False) -> int:
    """Move the simulated clock, and with `then_run` bring the project up to date; return the exit code."""
    project = open_project(directory)
    now = simulated(project).advance(read_span(by, "advance"))
    if not as_json:
        print(f"The clock of {project.spec.name} is now {now:%Y-%m-%d %H:%M} UTC.")
    elif not then_run:
        print_json({"project": project.spec.name, "now": now.isoformat(), "runs": []})
    return run_project(directory, _EVERYTHING, None, as_json=as_json) if then_run else 0


def _advance(project: Project, end: datetime, console: Console) -> None:
    clock = simulated(project)
    clock.advance(end - clock.now())
    console.print(f"\nThe clock is now {end:%Y-%m-%d %H:%M} UTC.")


def simulated(project: Project) -> SimulatedClock:
    """Return a project's simulated clock.

    Raises
    ------
    ClockError
        Where it follows the clock on the wall.
    """
    if isinstance(project.clock, SimulatedClock):
        return project.clock
    raise ClockError(
        f"{project.spec.name} uses the wall clock, which cannot be moved. "
        "For history, declare clock: {simulated_from: 2013-12-01T00:00:00Z} in project.yaml."
    )


def _conclude(project: Project, runs: list[Run], console: Console) -> None:
    """Print the state of the project and what comes next, and at the end what was done in which time."""
    if runs[-1].code == 0:
        from ml_platform.cli.status import print_summary

        print_summary(project, console)
    console.print()
    console.print(line(totals_text(runs)))


def totals_text(runs: Sequence[Run]) -> str:
    """Return how many steps of some runs had which result, and how long all took."""
    took = elapsed_text(timedelta(seconds=sum(run.seconds for run in runs)))
    counts = {result: sum(len(run.with_result(result)) for run in runs) for result in _RESULTS}
    if not any(counts[result] for result in _RESULTS if result != "unchanged"):
        return f"{all_up_to_date(len(runs[-1].steps))} Checking took {took}."
    parts = [f"{count} {_RESULTS[result]}" for result, count in counts.items() if count]
    total = sum(counts.values())
    began = f" in {len(runs)} runs" if len(runs) > 1 else ""
    return f"{counted(total, 'step')}{began}: {', '.join(parts)}. {'It' if total == 1 else 'They'} took {took}."


_RESULTS = {"made": "computed", "unchanged": "unchanged", "failed": "failed", "skipped": "not run"}


# One run --------------------------------------------------------------------


def _run_changes(project: Project, job: str, *only: str, console: Console) -> Run:
    """Run a job, without Dagster where every step is up to date."""
    events = unchanged_events(project, only) if job == _EVERYTHING else None
    if events is None:
        return _run(project, job, *only, console=console)
    run = Run(project.clock.now())
    console.print(styled("[bold]{}[/], {} UTC", project.spec.name, f"{run.now:%Y-%m-%d %H:%M}"))
    with Progress(console) as progress:
        for event in events:
            _record(run, event)
            progress.show(event)
    return run


def run_step(project: Project, step: str, console: Console | None = None) -> int:
    """Run a job through Dagster, with its progress on the screen, and return the exit code."""
    return _run(project, _EVERYTHING, step, console=console).code


def _run(project: Project, job: str, *only: str, console: Console | None = None) -> Run:
    command = [sys.executable, "-m", _RUNNER, "--project", str(project.root.resolve()), "--job", job]
    command += [argument for step in only for argument in ("--only", step)]
    log = RunLog(project.state / "logs")
    console = console or SafeConsole()
    now = project.clock.now()
    console.print(styled("[bold]{}[/], {} UTC: starting Dagster ...", project.spec.name, f"{now:%Y-%m-%d %H:%M}"))
    with (
        log.receiving() as errors,
        subprocess.Popen(
            command,
            env=dagster_environment(project),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on once
        ) as process,
    ):
        run = _follow(process, console, Run(now))
    last, run.code = log.last_lines(), process.returncode
    if run.code not in (0, INTERRUPTED):
        _explain(last, log.path, run)
        run.code = 1
    return run


def _follow(process: subprocess.Popen[str], console: Console, run: Run) -> Run:
    try:
        with Progress(console) as progress:
            import ml_platform.cli.status  # noqa: F401  (while the process starts: `_conclude` needs it)

            for event in _events(process):
                _record(run, event)
                progress.show(event)
    except KeyboardInterrupt:
        console.print("Stopping: the step in progress is aborted, finished steps are kept.")
        process.send_signal(signal.SIGINT)
        for _ in _events(process):
            pass
    return run


def _events(process: subprocess.Popen[str]) -> Iterator[Mapping[str, Any]]:
    assert process.stdout is not None
    for text in process.stdout:
        if text.endswith("\n"):  # else the process was killed while it wrote
            yield json.loads(text)


def _record(run: Run, event: Mapping[str, Any]) -> None:
    kind = event["event"]
    if kind in ("done", "failed", "skipped"):
        result = {"done": "unchanged" if event.get("reused") else "made"}.get(kind, kind)
        about = {name: value for name, value in event.items() if name not in ("event", "step", "reused")}
        run.steps.append({"step": event["step"], "result": result, **about})
    elif kind == "end":
        run.seconds += event["seconds"]


def _explain(last: Sequence[str], log: Path, run: Run) -> None:
    """Show why a process that reported no failed step ended with an error."""
    lines = list(last)
    if run.code < 0:
        name = signal.Signals(-run.code).name
        lines.append(
            f"Dagster's process was ended by {name}{_SENDER.get(name, '')}. Run again: finished steps are kept."
        )
    print(printable("\n".join(lines)), file=sys.stderr)
    print(f"The complete log is in {log}.", file=sys.stderr)


_SENDER = {
    "SIGKILL": ", which the system sends where memory is short",
    "SIGSEGV": ", a crash in a library",
    "SIGBUS": ", which the system sends where a disk is full or a file was cut short",
}
