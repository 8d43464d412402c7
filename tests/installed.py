"""A package that is installed beside the platform, for the length of a test."""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path

import pytest


def install(folder: Path, patch: pytest.MonkeyPatch, module: str, code: str, entry_points: str) -> None:
    """Write a module and a distribution that has it, and put both on the import path."""
    (folder / f"{module}.py").write_text(textwrap.dedent(code))
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(textwrap.dedent(entry_points))
    patch.delitem(sys.modules, module, raising=False)
    patch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
