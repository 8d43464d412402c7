"""Serving a project's Dagster UI and MLflow UI: guarded servers in processes of their own that stop together."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ml_platform.cli.children import ServerDied, Servers, answers, listens
from ml_platform.cli.dagster_home import DEFINITIONS, dagster_environment, prepare_storage, write_served_workspace
from ml_platform.cli.json_output import print_json
from ml_platform.cli.served_addresses import serving_at
from ml_platform.core.errors import PlatformError
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.core.web.access import (
    LOOPBACK,
    TOKEN_VARIABLE,
    Access,
    NameNeeded,
    TokenNeeded,
    is_every_address,
    is_loopback,
    read_token,
)
from ml_platform.project import Project, open_project
from ml_platform.reporting.mlflow.page_links import MLFLOW_VARIABLE, SITE_VARIABLE, first_page

__all__ = ["PortTaken", "ServerDied", "Serving", "serve_project"]

_MLFLOW = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_WEB_SERVER = "ml_platform_dagster.jobs.web_server"
_DAGSTER, _MLFLOW_NAME, _CODE, _PAGES = "Dagster", "MLflow", "Code server", "Pages"
_SITE = "/pages/site/index.html"
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PortTaken(PlatformError):
    """Another process listens on a port that is needed."""

    def __init__(self, name: str, port: int, option: str) -> None:
        super().__init__(f"port {port} for {name} is taken by another process. Give a free one with {option} PORT.")


@dataclass(frozen=True)
class Serving:
    """Where the servers listen and who may reach them.

    Attributes
    ----------
    names
        Host names by which browsers on other machines reach the servers.
    """

    port: int
    mlflow_port: int
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    token: str | None = None

    @classmethod
    def checked(
        cls, port: int, mlflow_port: int, host: str, names: Sequence[str] = (), token_file: Path | None = None
    ) -> Serving:
        """Return the serving that was asked for, unless it would let in anyone who reaches the machine.

        Raises
        ------
        TokenNeeded, NameNeeded, WeakToken, PortTaken
        """
        token, every = read_token(token_file), is_every_address(host)
        if not is_loopback(host) and token is None:
            raise TokenNeeded(host)
        if every and not names:
            raise NameNeeded(host)
        host_names = () if every or host in LOOPBACK else (f"[{host.strip('[]')}]" if ":" in host else host,)
        serving = cls(port, mlflow_port, host, (*names, *host_names), token)
        serving._check_ports()
        return serving

    def url(self, port: int) -> str:
        """Return the address that people open."""
        return f"http://{self.names[0] if self.names else '127.0.0.1'}:{port}"

    def probe(self, port: int) -> str:
        """Return the address at which this machine reaches a server."""
        host = "127.0.0.1" if is_every_address(self.host) else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def access(self, port: int) -> Access:
        """Return what the server on a port accepts."""
        return Access.for_port(port, self.names, self.token)

    def _check_ports(self) -> None:
        if _taken(self.host, self.port):
            raise PortTaken("the Dagster UI", self.port, "--port")
        if self.mlflow_port == self.port or _taken(self.host, self.mlflow_port):
            raise PortTaken("the MLflow UI", self.mlflow_port, "--mlflow-port")


def serve_project(directory: Path, serving: Serving, *, as_json: bool = False) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP and return the exit code.

    Parameters
    ----------
    as_json
        Print the addresses as JSON once the servers answer, and the progress on stderr.

    Raises
    ------
    ServerDied
        Where one of the servers ends; the others are stopped.
    DeclarationError
    """
    project = open_project(directory)
    console = SafeConsole(stderr=as_json)
    for number in _STOPS:  # a script's background job would ignore the first
        signal.signal(number, _interrupt)
    sockets = Path(tempfile.mkdtemp(prefix="ml-platform-"))  # a Unix socket's path may have about 100 characters
    with Servers(project.state / "logs", sockets) as servers:
        try:
            with console.status("Starting ..."):
                _start_all(servers, project, serving)
            _show_addresses(console, project, serving)
            if as_json:
                _print_addresses(project, serving)
            with serving_at(project, _addresses(project, serving)):
                _watch(servers)
        except KeyboardInterrupt:
            console.print("Stopping ...")
    console.print("Stopped.")
    return 0


def _watch(servers: Servers) -> NoReturn:
    while True:
        servers.check()
        time.sleep(0.5)


def _interrupt(*_: object) -> None:
    """Begin to stop, once: a second Ctrl-C would leave servers running."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError:
            return True
    return False


def _print_addresses(project: Project, serving: Serving) -> None:
    addresses = _addresses(project, serving)
    print_json({"project": project.spec.name, **addresses, "needs_token": serving.token is not None}, one_line=True)
    sys.stdout.flush()


def _addresses(project: Project, serving: Serving) -> dict[str, str]:
    mlflow = serving.url(serving.mlflow_port) if _has_local_mlflow(project) else project.mlflow_address
    dagster = serving.url(serving.port)
    return {"dagster": dagster, "mlflow": mlflow, "pages": f"{dagster}{_SITE}"}


def _show_addresses(console: SafeConsole, project: Project, serving: Serving) -> None:
    console.print(styled("[bold]{:<8}[/] {}", _DAGSTER, serving.url(serving.port)))
    if _has_local_mlflow(project):
        console.print(styled("[bold]{:<8}[/] {}", _MLFLOW_NAME, first_page(serving.url(serving.mlflow_port))))
    console.print(styled("[bold]{:<8}[/] {}", _PAGES, f"{serving.url(serving.port)}{_SITE}"))
    if serving.token is not None:
        console.print("Add ?token=TOKEN to each address once; the browser keeps it as a cookie.")
    console.print("Ctrl-C stops them.")


def _has_local_mlflow(project: Project) -> bool:
    """Return whether `up` serves MLflow; a tracking server that the project names serves itself."""
    return not project.mlflow_uri.startswith(("http://", "https://"))


def _start_all(servers: Servers, project: Project, serving: Serving) -> None:
    prepare_storage(project)
    environment = {name: value for name, value in dagster_environment(project).items() if name != TOKEN_VARIABLE}
    code = servers.sockets / "code"
    if _has_local_mlflow(project):
        _start_mlflow(servers, project, serving)
        environment[MLFLOW_VARIABLE] = serving.url(serving.mlflow_port)
    # A socket in a folder of our own: anyone who reaches the code server can launch runs, since it has no login.
    command = ["dagster", "code-server", "start", "--socket", str(code), "-m", DEFINITIONS]
    command += ["-d", environment["DAGSTER_HOME"], "--location-name", project.spec.name]
    servers.start(_CODE, command, environment, lambda: listens(code))
    servers.wait_until_ready(_CODE)
    workspace = str(write_served_workspace(project, code))
    servers.start("Dagster daemon", ["dagster._daemon", "run", "-w", workspace], environment, lambda: True)
    _start_web_server(servers, project, serving, environment, workspace)
    keeper = ["ml_platform.cli.keep_site", str(project.root.resolve())]
    servers.start(_PAGES, keeper, environment, lambda: True)
    servers.wait_until_ready()


def _start_web_server(
    servers: Servers, project: Project, serving: Serving, environment: Mapping[str, str], workspace: str
) -> None:
    command = [_WEB_SERVER, "-w", workspace, "--host", serving.host, "--port", str(serving.port)]
    pages = {
        "ML_PLATFORM_WEB_REPORTS": str((project.state / "reports").resolve()),
        "ML_PLATFORM_WEB_PAGES": str((project.state / "pages").resolve()),
        "ML_PLATFORM_WEB_SITE": str((project.state / "site").resolve()),
    }
    health = f"{serving.probe(serving.port)}/server_info"
    guarded = {**environment, **pages, **serving.access(serving.port).environment()}
    servers.start(_DAGSTER, command, guarded, lambda: answers(health, serving.token))


def _start_mlflow(servers: Servers, project: Project, serving: Serving) -> None:
    from ml_platform.reporting.mlflow.client import prepare_tracking

    prepare_tracking(project)
    access = serving.access(serving.mlflow_port)
    command = ["mlflow", "server", "--app-name", "ml-platform", "--workers", "1"]
    command += ["--host", serving.host, "--port", str(serving.mlflow_port)]
    command += ["--allowed-hosts", ",".join(sorted(access.hosts))]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in sorted(access.hosts)]
    command += ["--cors-allowed-origins", ",".join(origins)]
    # The database's address may hold a password, and the arguments of a process are public.
    environment = {**os.environ, **_MLFLOW, **access.environment(), "MLFLOW_BACKEND_STORE_URI": project.mlflow_uri}
    environment[SITE_VARIABLE] = f"{serving.url(serving.port)}{_SITE.rpartition('/')[0]}"
    health = f"{serving.probe(serving.mlflow_port)}/health"
    servers.start(_MLFLOW_NAME, command, environment, lambda: answers(health, serving.token), signal.SIGTERM)
