"""Writing the reference of this installation."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from ml_platform.cli.app import app
from ml_platform.cli.json_output import print_json
from ml_platform.reporting.reference.pages import write_reference


def make_reference(folder: Path, as_json: bool) -> None:
    """Write the reference as Markdown and name the folder."""
    written = write_reference(folder, typer.main.get_command(app), sys.modules["ml_platform"])
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    print(f"Wrote {len(written)} pages into {folder}.")
