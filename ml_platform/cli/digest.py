"""The command that prints the digest, or sends it to the alert channels."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.operations.alerts import send_alert
from ml_platform.project import open_project


def show_digest(directory: Path, send: bool, as_json: bool) -> None:
    """Print the state of each model in three lines; with `send`, send it too, at most once a day."""
    from ml_platform.reporting.overview.digest import digest_alert, project_digest

    project = open_project(directory)
    now = project.clock.now()
    digest = project_digest(project, now)
    sent = send_alert(project, digest_alert(project, now), now) if send else None
    if as_json:
        print_json({"title": digest.title, "text": digest.text, "sent": sent is not None and sent.new})
        return
    print(digest.text)
    if sent is not None and not sent.new:
        print("\nIt was sent before on this day, and is not sent again.")
    elif sent is not None:
        services = ", ".join(sent.delivered) or "no service took it; it is in the log of alerts"
        print(f"\nSent: {services}.")
        for service, problem in sent.undelivered.items():
            print(f"Not sent to {service}: {problem}.")
