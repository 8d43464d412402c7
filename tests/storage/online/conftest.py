from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.store import OnlineStore
from tests.storage.online.servers import redis_server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=["lmdb", "redis"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], OnlineStore]:
    """Opens one empty store of each kind, as often as it is called."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return lambda: open_online_store(url, tmp_path, name)


@pytest.fixture
def store(opens: Callable[[], OnlineStore]) -> Iterator[OnlineStore]:
    opened = opens()
    yield opened
    opened.close()
