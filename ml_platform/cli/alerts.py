"""`ml-platform alerts`: what the project has alerted about, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from ml_platform.cli.json_output import print_json
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.operations.alerts import recent_alerts
from ml_platform.project import open_project

_COLORS = {"page": "red", "ticket": "yellow", "report": "dim"}


def show_alerts(directory: Path, limit: int, as_json: bool) -> None:
    """Print the newest alerts with what happened, what to do, and the services that did not take them."""
    project = open_project(directory)
    alerts = recent_alerts(project, limit + 1)
    shown = alerts[:limit]
    if as_json:
        print_json({"alerts": shown})
        return
    console = SafeConsole()
    if not shown:
        console.print(line(f"{project.spec.name} has alerted about nothing."))
        return
    table = PlainTable("at (UTC)", "severity", "what", "next step", whole={0, 1})
    for alert in shown:
        severity = str(alert.get("severity", ""))
        table.add_row(
            alert["at"][:16].replace("T", " "), Text(severity, _COLORS.get(severity, "")), _what(alert), _next(alert)
        )
    console.print(table)
    if len(alerts) > limit:
        console.print(line(f"older ones: --limit {10 * limit}", "dim"))


def _what(alert: Mapping[str, Any]) -> str:
    """Return what happened: the title, then the sentences that it does not hold. A digest has pages of them."""
    title, body = str(alert.get("title", "")), str(alert.get("body", ""))
    return title if not body or body in title or alert.get("markdown") else f"{title}. {body}"


def _next(alert: Mapping[str, Any]) -> str:
    """Return what to do, where to look, and which services did not take the alert."""
    undelivered = (alert.get("delivery") or {}).get("undelivered") or {}
    missed = [f"not delivered to {service}: {problem}" for service, problem in undelivered.items()]
    return " ".join(filter(None, [alert.get("next_step"), alert.get("link"), *missed]))
