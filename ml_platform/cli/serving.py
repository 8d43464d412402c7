"""Serving a project's Dagster UI and MLflow UI, as child processes that stop together."""

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ml_platform.cli.dagster_home import dagster_environment, prepare_storage, write_workspace
from ml_platform.errors import PlatformError
from ml_platform.project import Project, open_project

_MLFLOW = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_READY_SECONDS = 120
_STOP_SECONDS = 15


class PortTaken(PlatformError):
    """Another process listens on a port that is needed."""

    def __init__(self, name: str, port: int, option: str) -> None:
        super().__init__(f"port {port} for {name} is taken by another process. Give a free one with {option} PORT.")


class ServerDied(PlatformError):
    """A served process ended by itself."""

    def __init__(self, name: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""
        super().__init__(f"{name} ended by itself. Its log is {log}:\n{tail}")


@dataclass(frozen=True)
class Server:
    """One child process, where it answers, and its log."""

    name: str
    url: str
    health: str
    process: subprocess.Popen[bytes]
    log: Path
    stop: signal.Signals


def serve_project(directory: Path, port: int, mlflow_port: int) -> int:
    """Serve until Ctrl-C or SIGTERM and return the exit code.

    Raises
    ------
    PortTaken, ServerDied, DeclarationError
    """
    project = open_project(directory)
    console = Console()
    for name, number, option in (("the Dagster UI", port, "--port"), ("the MLflow UI", mlflow_port, "--mlflow-port")):
        if _taken(number):
            raise PortTaken(name, number, option)
    for number in (signal.SIGINT, signal.SIGTERM):  # a script's background job would ignore the first
        signal.signal(number, _interrupt)
    servers: list[Server] = []
    try:
        servers.append(_start_mlflow(project, mlflow_port))
        servers.append(_start_dagster(project, port, mlflow_port))
        with console.status("Starting ..."):
            for server in servers:
                _wait_until_ready(server)
        for server in servers:
            console.print(f"[bold]{server.name:<8}[/] {server.url}")
        console.print("Ctrl-C stops both.")
        _watch(servers)
    except KeyboardInterrupt:
        console.print("Stopping ...")
    finally:
        for server in reversed(servers):
            _stop(server)
    console.print("Stopped.")
    return 0


def _interrupt(*_: object) -> None:
    """Begin to stop, once: whoever presses Ctrl-C again would leave servers behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _start_dagster(project: Project, port: int, mlflow_port: int) -> Server:
    prepare_storage(project)
    environment = dagster_environment(project) | {"ML_PLATFORM_MLFLOW_UI": f"http://127.0.0.1:{mlflow_port}"}
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(write_workspace(project))]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    return _start("Dagster", f"http://127.0.0.1:{port}", "/server_info", command, environment, project)


def _start_mlflow(project: Project, port: int) -> Server:
    from ml_platform.mlflow_access import prepare_tracking

    prepare_tracking(project)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", project.mlflow_uri]
    return _start("MLflow", f"http://127.0.0.1:{port}", "/health", command, os.environ | _MLFLOW, project)


def _start(
    name: str, url: str, health: str, command: Sequence[str], environment: Mapping[str, str], project: Project
) -> Server:
    log = project.state / "logs" / f"{name.lower()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops its children in order
        )
    stop = signal.SIGTERM if name == "MLflow" else signal.SIGINT  # what each ends itself by
    return Server(name, url, url + health, process, log, stop)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise ServerDied(server.name, server.log)
        try:
            with urllib.request.urlopen(server.health, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise ServerDied(f"{server.name} (not ready after {_READY_SECONDS} s)", server.log)


def _watch(servers: Sequence[Server]) -> None:
    while True:
        for server in servers:
            if server.process.poll() is not None:
                raise ServerDied(server.name, server.log)
        time.sleep(0.5)


def _stop(server: Server) -> None:
    """Ask the process to stop, then what it started (a run in progress ends as cancelled), then kill what is left."""
    server.process.send_signal(server.stop)
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
