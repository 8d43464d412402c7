import shutil
from pathlib import Path

import pytest

from ml_platform.audit.explain import Explanation, explain
from ml_platform.audit.explain.lookup import sample_ids
from ml_platform.project import Project, open_project
from tests.audit.explain.shop_with_history import MODEL, Lived, lived_shop


@pytest.fixture(scope="package")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A shop that nothing in this folder changes; a test that does copies it."""
    return lived_shop(tmp_path_factory.mktemp("lived"))


@pytest.fixture
def shop(lived: Lived, tmp_path: Path) -> Project:
    """A copy of the shop that has lived, to be harmed."""
    shutil.copytree(lived.project.root, tmp_path / "shop")
    return open_project(tmp_path / "shop")


@pytest.fixture
def before(lived: Lived) -> Explanation:
    return explain(lived.project, sample_ids(lived.project, MODEL, None, 1)[0], lived.now)
