from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database
from tests.storage import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'platform.sqlite'}"
    else:
        with postgres.schema(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture(params=["local", "memory"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty artifact store of each kind."""
    return str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(store_url, tmp_path / "cache")
