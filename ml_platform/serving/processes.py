"""The parent of the workers: it opens the socket, starts them, and starts another where one ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ml_platform.core.errors import PlatformError
from ml_platform.core.private_files import private_folder
from ml_platform.serving.metrics import FOLDER, forget_worker, log_line, metrics_folder

_BACKLOG = 1024
_FAST_SECONDS = 5.0
_MAX_FAST = 5
_NOT_STARTED = 3
"""The exit code of a worker that could not start (uvicorn's): on a slow machine that takes longer than some seconds."""


class AddressTaken(PlatformError):
    """The service cannot listen on the address that was configured."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"the service cannot listen on {host}:{port}: {reason}. Give another port with --port PORT.")


class WorkersDie(PlatformError):
    """Workers end as soon as they are started."""

    def __init__(self) -> None:
        super().__init__(
            f"the workers ended {_MAX_FAST} times within seconds of their start. The lines above name the reason. "
            "Correct it, and serve again."
        )


@dataclass
class Workers:
    """Worker processes on one socket.

    Attributes
    ----------
    arguments
        What each is started with, beside the socket.
    """

    state: Path
    arguments: list[str]
    count: int
    listening: socket.socket
    _running: dict[int, tuple[subprocess.Popen[bytes], float]] = field(default_factory=dict)
    _fast: int = 0

    def start(self) -> None:
        """Start all workers.

        Raises
        ------
        OSError
            Where the state folder cannot be written: each worker would end, and another one be started.
        """
        folder = metrics_folder(self.state)
        shutil.rmtree(folder, ignore_errors=True)  # what workers of an earlier service counted
        private_folder(folder)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"a worker writes its counts here")
        for _ in range(self.count):
            self._start_one()

    def check(self) -> None:
        """Start a worker for each that has ended.

        Raises
        ------
        WorkersDie
        """
        for pid, (process, begun) in list(self._running.items()):
            if process.poll() is None:
                continue
            del self._running[pid]
            _close(process)
            forget_worker(self.state, pid)
            fast = process.returncode > 0 and time.monotonic() - begun < _FAST_SECONDS  # a killed one did not fail
            self._fast = self._fast + 1 if fast or process.returncode == _NOT_STARTED else 0
            log_line("worker_ended", pid=pid, status=process.returncode)
            if self._fast >= _MAX_FAST:
                raise WorkersDie
            self._start_one()

    def stop(self, seconds: float = 15.0) -> None:
        """Let the workers finish what has begun, and end those that take too long."""
        for process, _ in self._running.values():
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + seconds
        for process, _ in self._running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)

    def _start_one(self) -> None:
        number = self.listening.fileno()
        command = [sys.executable, "-m", "ml_platform.serving.worker_process", str(number), *self.arguments]
        environment = {**os.environ, FOLDER: str(metrics_folder(self.state)), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, env=environment, pass_fds=[number], stdin=subprocess.PIPE, start_new_session=True
        )
        self._running[process.pid] = (process, time.monotonic())


def _close(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe by which a worker that has ended would have heard of its parent's end."""
    if process.stdin is not None:
        process.stdin.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    AddressTaken
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)  # for all processes that share it: none waits where another took the connection
    except OSError as error:
        listening.close()
        raise AddressTaken(host, port, error.strerror or str(error)) from None
    return listening
