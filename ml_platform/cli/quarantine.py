"""The command that lists the dirty rows of sources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.plain_values import json_value
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import Project, open_project


class UnknownSource(PlatformError):
    """The project declares no source of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no source {name!r}. {suggest(name, known)}")


def show_quarantine(directory: Path, source: str | None, limit: int, as_json: bool) -> None:
    """Print the dirty rows of one source, or of all, each with its place and reason."""
    project = open_project(directory)
    known = list(project.spec.sources)
    if source is not None and source not in known:
        raise UnknownSource(source, known)
    by_source = {name: list(_rows(project, name)) for name in ([source] if source is not None else known)}
    if as_json:
        print_json({"sources": {name: rows for name, rows in by_source.items() if rows}})
        return
    console = SafeConsole()
    if not any(by_source.values()):
        console.print("No row is in quarantine.")
    for name, rows in by_source.items():
        if not rows:
            continue
        table = PlainTable("place", "reason", "what does not fit", "key", "since", "row", whole=(1, 4), spare=(5, 4))
        for row in rows[:limit]:
            table.add_row(*_texts(row))
        console.print(line(f"{name}: {len(rows):,} dirty row{'s' * (len(rows) != 1)}"))
        console.print(table)
        if len(rows) > limit:
            console.print(line(f"{len(rows) - limit:,} more: --limit {len(rows)}, or --json"))


def _rows(project: Project, source: str) -> Iterator[dict[str, Any]]:
    from ml_platform.sources.dirty_rows import ABOUT
    from ml_platform.sources.quarantine import SINCE, dirty_rows

    table = dirty_rows(project, source)
    spec = project.spec.sources[source]
    for row in [] if table is None else table.to_pylist():
        about = {name.removeprefix("_"): row[name] for name in (*ABOUT.names, SINCE)}
        about["cells"] = json.loads(about["cells"]) if about["cells"] else {}
        about["key"] = {name: row[name] for name in spec.key}
        about["values"] = {name: row[name] for name in spec.columns}
        yield json_value(about)


def _texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    line = f" (line {row['line']})" if row["line"] is not None else ""
    cells = ", ".join(f"{name} {'null' if text is None else repr(text)}" for name, text in row["cells"].items())
    what = cells or repr(row["text"] or "") if row["column"] is None or row["cells"] else row["column"]
    key = ", ".join(f"{name} {value}" for name, value in row["key"].items() if value is not None)
    handled = "in quarantine" if row["handled"] == "quarantine" else "ingested without the value"
    place = f"{row['part']}: row {row['number']}{line}"
    return (
        place,
        row["reason"],
        f"{what} {row['problem']}"[:160],
        key[:60],
        row["since"][:16].replace("T", " "),
        handled,
    )
