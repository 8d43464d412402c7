"""The command that prints the digest, or sends it to the alert channels."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.terminal_table import line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.operations.alerts import send_alert, sent_text
from ml_platform.project import open_project


def show_digest(directory: Path, send: bool, as_json: bool) -> int:
    """Print the state of each model in three lines; with `send`, send it too, to each service at most once a day.

    Returns
    -------
    int
        The exit code: 1 where a service did not take it.
    """
    from ml_platform.reporting.overview.digest import digest_alert, project_digest

    project = open_project(directory)
    now = project.clock.now()
    digest = project_digest(project, now)
    sent = send_alert(project, digest_alert(project, now), now) if send else None
    if as_json:
        is_sent = sent is not None and (sent.new or bool(sent.delivered)) and not sent.undelivered
        print_json({"title": digest.title, "text": digest.text, "sent": is_sent})
    else:
        console = SafeConsole()
        for text in [*digest.text.split("\n"), *(["", *sent_text(sent).split("\n")] if sent is not None else [])]:
            console.print(line(text, hang=0))
    return int(sent is not None and bool(sent.undelivered))
