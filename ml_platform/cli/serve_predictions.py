"""The prediction service at the terminal: checked, started, watched and stopped."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import PlatformError
from ml_platform.core.formatting import counted
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.core.web.access import NameNeeded, is_every_address, is_loopback
from ml_platform.project import Project, open_project
from ml_platform.serving.access import ServiceAccess, ServiceTokenNeeded
from ml_platform.serving.limits import Limits
from ml_platform.serving.posted_source import posted_sources
from ml_platform.serving.processes import Workers, listen
from ml_platform.serving.tracing import require_exporter

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CHECK_EVERY = 0.2


class NothingOnline(PlatformError):
    """No model of a project answers requests."""

    def __init__(self, project: str) -> None:
        super().__init__(
            f"no model of {project} declares that it answers requests, and no source that rows are posted to it. Add "
            "deployment: {online: true} to the declaration of a model, and run ml-platform run; or declare a source "
            "with reader: {streaming: true}."
        )


@dataclass(frozen=True)
class ServiceAddress:
    """Where the service listens, and how many processes answer.

    Attributes
    ----------
    names
        Names by which clients reach it, beside the loopback.
    """

    port: int
    host: str
    names: tuple[str, ...]
    workers: int

    @classmethod
    def checked(cls, port: int, host: str, names: Sequence[str], workers: int | None) -> ServiceAddress:
        """Return the address, unless anybody who reaches the machine could ask.

        Raises
        ------
        ServiceTokenNeeded, NameNeeded, WeakToken
        """
        access = ServiceAccess.for_port(port, names)
        if not is_loopback(host) and not access.tokens:
            raise ServiceTokenNeeded(host)
        if is_every_address(host) and not names:
            raise NameNeeded(host)
        host_names = () if is_loopback(host) or is_every_address(host) else (host,)
        return cls(port, host, (*names, *host_names), workers or min(os.cpu_count() or 1, 4))


def serve_predictions(directory: Path, address: ServiceAddress, limits: Limits, *, as_json: bool = False) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP, and return the exit code.

    Raises
    ------
    NothingOnline, AddressTaken, WorkersDie, DeclarationError, ExporterMissing
    """
    require_exporter(os.environ)
    project = open_project(directory)
    online = [name for name, model in project.spec.models.items() if model.deployment.online is not None]
    posted = list(posted_sources(project))
    if not online and not posted:
        raise NothingOnline(project.spec.name)
    settings = {"root": str(project.root), "port": address.port, "names": address.names, "limits": asdict(limits)}
    with listen(address.host, address.port) as listening:
        workers = Workers(project.state, [json.dumps(settings)], address.workers, listening)
        for number in _STOPS:
            signal.signal(number, _interrupt)
        try:
            workers.start()
            _show_addresses(project, address, online, posted, as_json)
            while True:
                workers.check()
                time.sleep(_CHECK_EVERY)
        except KeyboardInterrupt:
            SafeConsole(stderr=as_json).print("Stopping: what was asked is answered first.")
        finally:
            workers.stop()
    SafeConsole(stderr=as_json).print("Stopped.")
    return 0


def _interrupt(*_: object) -> None:
    """Begin to stop, once."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _show_addresses(
    project: Project, address: ServiceAddress, online: Sequence[str], posted: Sequence[str], as_json: bool
) -> None:
    console, url = (
        SafeConsole(stderr=as_json),
        f"http://{address.names[0] if address.names else '127.0.0.1'}:{address.port}",
    )
    console.print(
        styled(
            "Serving {} with {} at {}",
            ", ".join([*online, *posted]),
            counted(address.workers, "process", "processes"),
            url,
        )
    )
    for name in online:
        console.print(styled("  POST {}/models/{}/predict", url, name))
    for name in posted:
        console.print(styled("  POST {}/events/{}", url, name))
    console.print("Ctrl-C stops it.")
    if as_json:
        models = {name: f"{url}/models/{name}/predict" for name in online}
        sources = {name: f"{url}/events/{name}" for name in posted}
        facts = {"project": project.spec.name, "address": url, "workers": address.workers}
        print_json({**facts, "models": models, "sources": sources}, one_line=True)
        sys.stdout.flush()
