"""`ml-platform verify`: what is damaged, missing or surplus, and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from ml_platform.audit.verify.findings import Damage, Verification
from ml_platform.audit.verify.verify import verify_project
from ml_platform.cli.dagster_home import dagster_environment
from ml_platform.cli.exit import without_code
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PlatformError
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import Project, open_project
from ml_platform.storage.ledger.anchors import Anchor
from ml_platform.storage.ledger.lines import Head

_READER = "ml_platform_dagster.jobs.anchors"
_NOTES = "notes of the ledger's head at each deployment, and the history of runs"
_NO_COPY = "Without a copy, move the folder dagster away: Dagster starts a new history, and these notes are lost."
_WRITABLE_COPY = "Dagster writes where it reads. Copy the project to where this user may write, and verify the copy."
_SHOWN = 20
_EVERY = 50


def show_verification(directory: Path, as_json: bool) -> int:
    """Verify a project, print what was found, and return the exit code."""
    project = open_project(directory)
    report = _verify(project, SafeConsole(stderr=True))
    if as_json:
        print_json(report.as_json())
    else:
        print_verification(project.spec.name, report)
    return int(not report.whole)


def _verify(project: Project, console: Console) -> Verification:
    anchors, unread = _event_log(project)
    if not console.is_terminal:
        report = verify_project(project, anchors)
    else:
        with console.status("Verifying ...") as status:

            def show(what: str, count: int) -> None:
                if count % _EVERY == 0:
                    status.update(f"Verifying: {count:,} {what} ...")

            report = verify_project(project, anchors, show)
    for damage in unread:
        report.add(damage)
    return report


def _event_log(project: Project) -> tuple[list[Anchor], list[Damage]]:
    """Return the anchors in Dagster's event log, or the damage of one that cannot be read.

    A check that was left out would look like one that passed.
    """
    try:
        return event_log_anchors(project), []
    except PlatformError as error:
        remedy = _NO_COPY if os.access(project.state / "dagster", os.W_OK) else _WRITABLE_COPY
        return [], [Damage("damaged", "event log", "dagster/history", _NOTES, str(error).rstrip("."), remedy)]


def event_log_anchors(project: Project) -> list[Anchor]:
    """Return the anchors in Dagster's event log, where the project has one: a process of its own reads them.

    Raises
    ------
    PlatformError
        Where there is an event log that cannot be read.
    """
    if not (project.state / "dagster" / "history").exists():
        return []
    command = [sys.executable, "-m", _READER, "--project", str(project.root.resolve())]
    done = subprocess.run(
        command, env=dagster_environment(project), capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        message = (without_code(done.stderr) or ["it ended without an error message"])[-1]
        raise PlatformError(f"it cannot be read: {message}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [Anchor(line["place"], Head(line["seq"], line["hash"]), line["signature"]) for line in lines]


def print_verification(name: str, report: Verification) -> None:
    """Print what was found: the first twenty damages, and how many of each sort there are."""
    checked = _counted(report.checked)
    if report.whole:
        print(f"{name}: store verified, no damage ({checked}).")
    else:
        print(f"{name}: {_counted(report.counts)}. Checked: {checked}.\n")
        for damage in report.damages[:_SHOWN]:
            print(_sentences(damage))
        rest = sum(report.counts.values()) - _SHOWN
        if rest > 0:
            print(f"and {rest:,} more; --json lists the first thousand.")
    if report.unused and report.whole:  # else an artifact that cannot be read may name them
        print(f"{report.unused:,} objects are used by no artifact. They are intact and do no harm.")
    if report.unknown:
        print(f"{len(report.unknown):,} manifests and keys are unknown to the database: {_some(report.unknown)}.")
        print("    A process was stopped while it wrote them, or a person put them there. Nothing reads them: remove")
        print("    them, unless the database was restored from a copy that is older than they are.")
    if report.leftovers:
        print(f"{report.leftovers:,} half-written files of killed processes. The next run removes them after a day.")
    for sentence in report.unfinished:
        print(f"unfinished: {sentence}")


def _some(paths: list[str]) -> str:
    rest = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def _sentences(damage: Damage) -> str:
    return (
        f"✗ {damage.state} {damage.thing} {damage.where}\n"
        f"    was:  {damage.was}\n    now:  {damage.problem}\n    do:   {damage.remedy}"
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
