"""Real Dagster instances on disk, over the shop. The factory runs once; each test that changes something has a copy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_platform.project import open_project
from ml_platform_dagster.jobs.instance import open_instance
from ml_platform_dagster.jobs.run import run_job
from tests.dagster.shop import Shop
from tests.once import made_once
from tests.worlds import write_shop

RELEASE = "release: {first: {baselines: ignore}}\n"  # a first version need not beat the baselines
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests here; that MLflow's own models use what SQLAlchemy deprecates is not ours to mend."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.dagster)
            item.add_marker(pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"))


@pytest.fixture(scope="session")
def made_shop() -> Path:
    """The shop after one run of its factory, with what that run told in ``events.json``. Not to be changed."""
    return made_once("dagster", lambda folder: make_shop(folder / "shop")) / "shop"


def make_shop(root: Path) -> None:
    write_shop(root)
    declaration = root / "models/late_parcel.yaml"
    declaration.write_text(declaration.read_text() + RELEASE)
    project = open_project(root)
    events: list[dict[str, object]] = []
    with open_instance(project) as instance:
        run_job(project, instance, "update_everything", lambda line: events.append(dict(line)))
    (root / "events.json").write_text(json.dumps(events))


@contextmanager
def open_copy(made: Path, folder: Path) -> Iterator[Shop]:
    """Give a copy of a project that a test may change, with its instance."""
    root = folder / "shop"
    shutil.copytree(made, root)
    with open_instance(open_project(root)) as instance:
        yield Shop(root, instance)


@pytest.fixture
def shop(made_shop: Path, tmp_path: Path) -> Iterator[Shop]:
    """A copy of the shop that a test may change."""
    with open_copy(made_shop, tmp_path) as copy:
        yield copy


@pytest.fixture(scope="session")
def untouched(made_shop: Path) -> Iterator[Shop]:
    """The shop after its first run, for tests that only look."""
    project = open_project(made_shop)
    with open_instance(project) as instance:
        yield Shop(made_shop, instance)
