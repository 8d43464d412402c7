"""The shop, opened, with fits that take milliseconds."""

from __future__ import annotations

from pathlib import Path

from ml_platform.project import Project, open_project
from tests.worlds import FILES


def open_shop(directory: Path) -> Project:
    """Write the shop's declarations, without data, and open the project."""
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_quick(text))
    return open_project(directory)


def _quick(text: str) -> str:
    return text.replace("num_iterations: 60", "num_iterations: 10")
