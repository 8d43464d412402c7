"""Server processes: started in groups of their own, watched, and stopped together with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_platform.cli.lifeline import DONE
from ml_platform.core.errors import PlatformError

_READY_SECONDS = 120
_STOP_SECONDS = 15


class ServerDied(PlatformError):
    """A served process ended by itself."""

    def __init__(self, name: str, log: Path, ended: str = "ended by itself") -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""
        super().__init__(f"{name} {ended}. The other servers were stopped. Its log is {log}:\n{tail}")


@dataclass(frozen=True)
class Server:
    """One server process.

    Attributes
    ----------
    is_ready
        Whether it answers.
    stop
        The signal by which it ends itself.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    is_ready: Callable[[], bool]
    stop: signal.Signals


@dataclass
class Servers:
    """The servers of one ``up``, in the order in which they started.

    Parameters
    ----------
    logs
        The folder of their log files.
    sockets
        The folder of their sockets, removed at the end.
    """

    logs: Path
    sockets: Path
    running: list[Server] = field(default_factory=list)
    _lifeline: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Servers:
        self.logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ml_platform.cli.lifeline", str(self.sockets)]
        self._lifeline = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=self.logs, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.running[:0:-1]:
            _signal(server)
        for server in reversed(self.running):
            _stop(server)
        self._write(DONE)
        if self._lifeline is not None and self._lifeline.stdin is not None:
            self._lifeline.stdin.close()
            self._lifeline.wait(_STOP_SECONDS)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        is_ready: Callable[[], bool],
        stop: signal.Signals = signal.SIGINT,
    ) -> None:
        """Start a server. Ctrl-C reaches ``up`` alone, which then stops its servers in order."""
        log = self.logs / f"{name.lower().replace(' ', '-')}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=dict(environment),
                cwd=self.logs,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(Server(name, process, log, is_ready, stop))
        self._write(str(process.pid))

    def wait_until_ready(self, only: str | None = None) -> None:
        """Wait until every server answers, or the one of a name.

        Raises
        ------
        ServerDied
        """
        deadline = time.monotonic() + _READY_SECONDS
        waiting = [server for server in self.running if only in (None, server.name)]
        while waiting and time.monotonic() < deadline:
            self.check()
            waiting = [server for server in waiting if not server.is_ready()]
            time.sleep(0.2)
        if waiting:
            raise ServerDied(waiting[0].name, waiting[0].log, f"did not answer within {_READY_SECONDS} s")

    def check(self) -> None:
        """Raise where a server has ended.

        Raises
        ------
        ServerDied
        """
        for server in self.running:
            if server.process.poll() is not None:
                raise ServerDied(server.name, server.log)

    def _write(self, line: str) -> None:
        if self._lifeline is not None and self._lifeline.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._lifeline.stdin.write(f"{line}\n".encode())
                self._lifeline.stdin.flush()


def answers(url: str, token: str | None) -> bool:
    """Return whether a server answers a request with 200."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def listens(path: Path) -> bool:
    """Return whether a process accepts connections at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _signal(server: Server) -> None:
    with contextlib.suppress(ProcessLookupError):
        server.process.send_signal(server.stop)


def _stop(server: Server) -> None:
    """Ask the process to stop, then what it started (a run in progress ends as cancelled), then kill what is left."""
    _signal(server)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(_STOP_SECONDS)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, number)
        if _group_is_gone(server.process, _STOP_SECONDS):
            return


def _group_is_gone(process: subprocess.Popen[bytes], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
