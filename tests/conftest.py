"""What every test has."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator

import pytest

from tests.once import share_folder


def pytest_configure(config: pytest.Config) -> None:
    share_folder(config)


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
