"""One worker process: the service behind uvicorn, on a socket that it shares with the others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from ml_platform.core.errors import PlatformError
from ml_platform.project import open_project
from ml_platform.serving.access import ServiceAccess
from ml_platform.serving.app import App
from ml_platform.serving.metrics import Metrics, log_line
from ml_platform.serving.overload import Overload
from ml_platform.serving.routes import Routes
from ml_platform.serving.service import Limits, Service

LOOK_EVERY = 0.1
"""Seconds between two looks at the champions."""


class Background:
    """What a worker does beside answering: following champions, ending old log files, measuring its own delay."""

    def __init__(self, service: Service, metrics: Metrics, overload: Overload) -> None:
        self._service, self._metrics, self._overload = service, metrics, overload
        self._tasks: list[asyncio.Task[None]] = []
        self._unreachable = ""

    async def start(self) -> None:
        """Begin; what was loaded until now is no garbage, and is not looked through again."""
        gc.collect()
        gc.freeze()
        self._tell()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._overload.watch())]

    async def stop(self) -> None:
        """End, and close the log."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._service.close()
        gc.unfreeze()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                changed = await asyncio.to_thread(self._service.look)
                self._unreachable = ""
            except PlatformError as error:
                if str(error) != self._unreachable:
                    log_line("champions_unknown", error=str(error))
                self._unreachable = str(error)
                continue
            self._service.rotate_log()
            self._service.write_counts()
            for followed in changed:
                version = followed.serving.version.number if followed.serving else None
                rollout = followed.candidate.facts if followed.candidate else None
                log_line("follows", model=followed.model, version=version, rollout=rollout, problem=followed.problem)
            if changed:
                self._tell()

    def _tell(self) -> None:
        for name, followed in self._service.followed.models.items():
            if followed.serving is not None:
                self._metrics.serves(name, followed.serving.version.number)


def make_app(service: Service, access: ServiceAccess, metrics: Metrics, overload: Overload) -> App:
    """Return the application of one worker."""
    background = Background(service, metrics, overload)
    started: Callable[[], Awaitable[None]] = background.start
    return App(service, access, metrics, overload, Routes(service, metrics).table(), started, background.stop)


def run_worker(root: str, descriptor: int, port: int, names: tuple[str, ...], limits: Limits) -> None:
    """Answer until SIGTERM, then finish what has begun. Runs in a process of its own."""
    import uvicorn

    try:
        project = open_project(Path(root))
        service = Service(project, limits)
    except PlatformError as error:
        log_line("not_started", error=str(error))
        sys.exit(1)
    app = make_app(service, ServiceAccess.for_port(port, names), Metrics(), Overload())
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=65536,
    )
    listening = socket.socket(fileno=descriptor)
    uvicorn.Server(config).run(sockets=[listening])
