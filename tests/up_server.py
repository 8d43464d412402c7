"""``ml-platform up`` for tests: started as a person starts it, and stopped again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Up:
    """A served project: its process, its two addresses and what it has printed."""

    process: subprocess.Popen[bytes]
    dagster: str
    mlflow: str
    output: Path

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def servers(self) -> list[psutil.Process]:
        """Return every process that was started, also by those that were started."""
        return psutil.Process(self.process.pid).children(recursive=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def up(root: Path, output: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Up]:
    """Serve a project until the block ends."""
    ports = [free_port(), free_port()]
    command = [str(Path(sys.executable).parent / "ml-platform"), "up", str(root)]
    command += ["--port", str(ports[0]), "--mlflow-port", str(ports[1]), *arguments]
    with output.open("w") as file:
        variables = {**os.environ, **(environment or {})}
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True, env=variables
        )
    served = Up(process, f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", output)
    try:
        while "Ctrl-C stops them" not in served.printed:
            assert process.poll() is None, served.printed
            time.sleep(0.3)
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(120)


def all_gone(processes: list[psutil.Process], seconds: float = 60.0) -> bool:
    """Return whether all processes have ended, within some seconds."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
