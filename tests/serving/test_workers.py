"""The parent of the workers: what it does where they cannot start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ml_platform.serving.processes import Workers, WorkersDie, listen


@pytest.mark.parametrize("fast_seconds", [5.0, 0.0])
def test_workers_that_cannot_start_end_the_service_however_long_each_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast_seconds: float
) -> None:
    """With 0 seconds no end counts as fast, as on a machine where a worker needs longer to start."""
    code = "import sys; sys.exit(3)"
    monkeypatch.setattr("ml_platform.serving.processes._FAST_SECONDS", fast_seconds)
    monkeypatch.setattr("ml_platform.serving.processes.sys.executable", _program(tmp_path, code))
    with listen("127.0.0.1", 0) as listening:
        workers = Workers(tmp_path, [], 2, listening)
        workers.start()
        with pytest.raises(WorkersDie):
            _check_for_a_minute(workers)
        workers.stop()


def test_a_state_folder_that_cannot_be_written_starts_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that is mounted for reading lets folders that exist be made, and no file."""

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr("ml_platform.serving.processes.tempfile.TemporaryFile", read_only)
    with listen("127.0.0.1", 0) as listening:
        workers = Workers(tmp_path, [], 2, listening)
        with pytest.raises(OSError, match="Read-only"):
            workers.start()
        assert workers._running == {}


def _check_for_a_minute(workers: Workers) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        workers.check()
        time.sleep(0.05)


def _program(folder: Path, code: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/usr/bin/env python3\n{code}\n")
    path.chmod(0o700)
    return str(path)
