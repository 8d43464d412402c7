"""The command that exports a version for another tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.terminal_table import Cell, fact_table
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.models.export.exported import Export, export_model
from ml_platform.project import open_project
from ml_platform.registry.resolve import version_named


def export_version(
    directory: Path, name: str, format: str, output: Path | None, without: Sequence[str], as_json: bool
) -> None:
    """Export a version and print where to, and how its answers compare."""
    project = open_project(directory)
    version = version_named(project, name)
    trained = project.store.get("trained_model", version.id)
    folder = output if output is not None else Path(f"{version.model}-{version.number}-{format}")
    export = export_model(project, trained, str(version), format, folder, without)
    if as_json:
        print_json(asdict(export))
    else:
        _print(export)


def _print(export: Export) -> None:
    parity = export.parity
    drawn = parity.rows - parity.of_snapshot
    rows = f"{parity.rows:,} ({parity.of_snapshot:,} of the snapshot, {drawn:,} drawn)"
    facts: list[tuple[str, Cell]] = [
        ("folder", export.folder),
        ("files", ", ".join(export.files)),
        ("left out", ", ".join(export.without) or "nothing"),
        ("rows compared", rows + (f"; {parity.skipped:,} with nulls skipped" if parity.skipped else "")),
        ("same bits", f"{parity.identical:,} of {parity.rows:,}"),
        ("largest difference", f"{parity.largest_difference:.3g} (allowed: {parity.tolerance:g})"),
    ]
    console = SafeConsole()
    console.print(styled("\n[bold]{}[/] exported as {}\n", export.version, export.format))
    console.print(fact_table(facts))
