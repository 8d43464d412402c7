"""The tutorials do what they say, one after another in one folder: each command runs, each line shown is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, Block, blocks

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
PAGES = ("own-csv", "regression", "multiclass", "notebook")


def run(folder: Path, command: str) -> str:
    """Run a command line as a reader does, with nobody at the terminal."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": PATH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def steps(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block with the lines that are shown below it."""
    for part in block.text.split("$ ")[1:]:
        command, *shown = part.splitlines()
        yield command, [line for line in shown if line.strip()]


def follow(folder: Path, page: str) -> None:
    for block in blocks(ROOT / f"docs/tutorials/{page}.md"):
        if block.file:
            (folder / block.file).write_text(block.text)
        elif block.language == "python":
            program = folder / "cell.py"
            program.write_text(f"{program.read_text() if program.exists() else ''}\n{block.text}")
            run(folder, "python cell.py")
        elif block.language == "console":
            for command, shown in steps(block):
                printed = [" ".join(line.split()) for line in run(folder, command).splitlines()]
                assert [line for line in shown if " ".join(line.split()) not in printed] == [], command


@pytest.mark.slow
@pytest.mark.dagster
@pytest.mark.timeout(1500)
def test_the_tutorials_do_what_they_promise(tmp_path: Path) -> None:
    for page in PAGES:
        follow(tmp_path, page)
    for project in ("minutes", "parcels"):
        assert (tmp_path / project / "models").is_dir()
