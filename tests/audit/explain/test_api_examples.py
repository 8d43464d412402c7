"""The examples of the Python API, on a project that has lived."""

from __future__ import annotations

import doctest
import inspect
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import ml_platform
from ml_platform.declarations.node_name import NodeName
from ml_platform.reporting.reference.python_api import public_members
from ml_platform.storage.outputs import record_output
from ml_platform.storage.simulated_clock import SimulatedClock
from ml_platform.storage.versions import versions
from tests.audit.explain.shop_with_history import Lived


@pytest.fixture(scope="module")
def folder(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Be in a folder that holds the project as ``shop``."""
    here, former = tmp_path_factory.mktemp("api"), Path.cwd()
    shutil.copytree(lived.project.root, here / "shop")
    project = ml_platform.open_project(here / "shop")
    assert isinstance(project.clock, SimulatedClock)
    project.clock.advance(lived.now - project.clock.now())
    trained = project.store.get("trained_model", versions(project, "late_parcel")[-1].id)
    snapshot = NodeName("snapshot", "late_parcel"), "snapshot", trained.inputs["snapshot"]
    record_output(project.database, *snapshot, run="r", at=lived.now)
    os.chdir(here)
    yield here
    os.chdir(former)


PUBLIC = {name: getattr(ml_platform, name) for name in ml_platform.__all__}
PUBLIC |= {f"{name}.{member}": item for name in PUBLIC for member, item in public_members(PUBLIC[name]).items()}


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_has_an_example_that_runs(folder: Path, name: str) -> None:
    thing = PUBLIC[name]
    text = inspect.getdoc(thing) or ""
    assert "Examples\n--------\n>>>" in text
    example = doctest.DocTestParser().get_doctest(text, {"ml_platform": ml_platform}, name, None, 0)
    failed = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
    assert (failed.failed, failed.attempted > 0) == (0, True)
