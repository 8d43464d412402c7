"""Real servers for tests, each in a process of its own that is stopped again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_READY_SECONDS = 90


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[str]:
    """Serve a fresh MLflow on loopback and give its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.sqlite",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quick = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with served(command, f"http://127.0.0.1:{port}/health", folder / "server.log", quick):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def served(
    command: Sequence[str],
    health: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    """Run a server until the block ends; its whole process group goes with it."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    try:
        _wait(process, health, log)
        yield
    finally:
        process.send_signal(stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"the server is not ready:\n{log.read_text()[-3000:]}")
