"""A world that is served over HTTP, once for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.served import Server, serve
from tests.serving.world import ServedWorld, served_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with pytest.MonkeyPatch.context() as patch:
        yield served_world(tmp_path_factory.mktemp("served"), patch)


@pytest.fixture(scope="module")
def server(world: ServedWorld) -> Iterator[Server]:
    yield from serve(world)
