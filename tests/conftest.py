"""What every test has."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.once import share_folder

LONGEST_FIRST = ("server", "dagster", "slow")


def pytest_configure(config: pytest.Config) -> None:
    share_folder(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one of them at the end."""
    places: dict[Path, int] = {}
    for item in items:
        place = next((n for n, mark in enumerate(LONGEST_FIRST) if item.get_closest_marker(mark)), len(LONGEST_FIRST))
        places[item.path] = min(place, places.get(item.path, place))
    items.sort(key=lambda item: places[item.path])


@pytest.fixture(scope="session", autouse=True)
def private_temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let tests that look at temporary files see those of their own process alone."""
    before = tempfile.tempdir
    tempfile.tempdir = str(tmp_path_factory.mktemp("temporary"))
    yield
    tempfile.tempdir = before


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Restore the handlers of signals: a pool whose processes inherit an ignored SIGTERM never ends."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)
