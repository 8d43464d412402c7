from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.project import Project
from ml_platform.storage.artifacts import ArtifactStore
from tests.audit.verify.factory import build_factory, copy_factory


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A factory that ran; tests only read it."""
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture
def factory(built: Project, tmp_path: Path) -> Project:
    """A copy of the factory, for a test to damage."""
    return copy_factory(built, tmp_path / "factory")


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store."""
    return ArtifactStore(str(tmp_path / "store"))
