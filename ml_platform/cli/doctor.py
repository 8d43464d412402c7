"""Printing the checks of a machine and a project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from ml_platform.cli.json_output import print_json
from ml_platform.core.terminal_table import PlainTable
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.reporting.doctor import Checked, check_up


def show_checks(directory: Path, as_json: bool) -> int:
    """Print each check; 1 where one failed."""
    checks = check_up(directory, datetime.now(UTC))
    failed = [item for item in checks if not item.ok]
    if as_json:
        print_json({"ok": not failed, "checks": [item.as_json() for item in checks]})
        return int(bool(failed))
    table = PlainTable("", "", "", whole={0, 1})
    for item in checks:
        mark = Text("✓", "green") if item.ok else Text("✗", "red")
        table.add_row(mark, item.name, _text(item))
    SafeConsole().print(table)
    return int(bool(failed))


def _text(item: Checked) -> str:
    """Return the result of a check, and after it what to do.

    >>> _text(Checked("disk", False, "0.5 GB free", "Free 2 GB.")), _text(Checked("disk", True, "9.1 GB free"))
    ('0.5 GB free. Free 2 GB.', '9.1 GB free')
    """
    return f"{item.result.rstrip('.')}. {item.remedy}" if item.remedy else item.result
