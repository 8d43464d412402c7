"""`ml-platform parity`: what was served online against what is recomputed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ml_platform.cli.arguments import read_day
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import NotOnline
from ml_platform.core.formatting import elapsed_text
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.operations.parity.measure import compared_version, measure_parity, newest_days
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.project import open_project
from ml_platform.storage.artifact_kinds.parity import ParityManifest
from ml_platform.storage.versions import version_of


def show_parity(directory: Path, model: str, day: str | None, as_json: bool) -> int:
    """Compare and print what was found; return the exit code: 1 where a row differs.

    Raises
    ------
    UnknownModel, NotOnline, NotMaterialized, OnlineStoreUnavailable
    """
    project = open_project(directory)
    project.require_model(model)
    online = project.spec.models[model].deployment.online
    if online is None:
        raise NotOnline(model)
    now = project.clock.now()
    days = newest_days(now) if day is None else (read_day(day),)
    compact_online_log(project, now)
    trained = compared_version(project, model)
    parity = measure_parity(project, model, trained, days, online.parity_rows, now).facts
    if as_json:
        version = version_of(project, model, trained.id)
        print_json({"version": str(version or trained.short_id), "agrees": not parity.differing, **parity.as_json()})
    else:
        _print(parity)
    return 1 if parity.differing else 0


def _print(parity: ParityManifest) -> None:
    console = SafeConsole()
    console.print(line(parity.text, "red" if parity.differing else "green"))
    for table, rows in parity.late_by_table.items():
        lag = timedelta(seconds=parity.greatest_lag[table])
        console.print(line(f"late: {table} in {rows:,} requests, by {elapsed_text(lag)} at most", "yellow"))
    if parity.erased:
        console.print(line(f"{parity.erased:,} requests cannot be recomputed: rows of their sources were erased"))
    if parity.differences:
        listing = PlainTable("row", "column", "served", "recomputed", "", whole={0, 1})
        for item in parity.differences:
            listing.add_row(item.row, item.column, item.served, item.recomputed, item.note)
        console.print(listing)
