"""The smallest project of the README is complete: its files, copied into an empty folder, and its commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, Block, blocks
from tests.documents.test_tutorials import run


def section() -> list[Block]:
    page = ROOT / "README.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    start = lines.index("## The smallest project") + 1
    end = next(number for number, line in enumerate(lines[start:], start) if line.startswith("## "))
    return [block for block in blocks(page) if start < block.line <= end]


def smallest_project() -> list[Block]:
    """Return the blocks up to the commands."""
    parts = section()
    return parts[: 1 + next(number for number, block in enumerate(parts) if block.commands)]


def test_the_smallest_project_has_some_twenty_lines_of_yaml() -> None:
    lines = [line for block in section() if block.file and block.language == "yaml" for line in block.text.splitlines()]
    assert len([line for line in lines if not line.startswith("#")]) <= 21


@pytest.mark.slow
@pytest.mark.dagster
@pytest.mark.timeout(900)
def test_the_smallest_project_runs_as_it_is_copied(tmp_path: Path) -> None:
    *files, commands = smallest_project()
    for block in files:
        assert block.file is not None, block.place
        path = tmp_path / block.file
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text)
    printed = [run(tmp_path, command) for command in commands.commands]
    assert "deployed late_parcel@1" in printed[1]
    assert "late_parcel.20240220." in printed[-1]
