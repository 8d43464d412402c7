"""A project of a file of orders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_platform.cli.new_project import make_project
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.new_project.choices import Wanted
from tests.operations.new_project.order_files import write_orders


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., ProjectSpec]:
    def made(file: Path | None = None, **wanted: Any) -> ProjectSpec:
        rows = file or write_orders(tmp_path / "orders.csv")
        make_project(tmp_path / "shop", None, rows, Wanted(**wanted))
        return load_project(tmp_path / "shop", {})

    return made
