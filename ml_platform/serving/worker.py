"""One worker process: the service run by uvicorn, on a socket that it shares with the others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from ml_platform.core.errors import PlatformError
from ml_platform.project import open_project
from ml_platform.serving.accepting import WorkerServer
from ml_platform.serving.access import ServiceAccess
from ml_platform.serving.app import App
from ml_platform.serving.http_protocol import GuardedProtocol
from ml_platform.serving.limits import Limits
from ml_platform.serving.metrics import Metrics, log_line
from ml_platform.serving.overload import Overload
from ml_platform.serving.routes import Routes
from ml_platform.serving.service import Service
from ml_platform.serving.thread_priority import LoadingThreads, ask_for_short_turns
from ml_platform.serving.tracing import Tracing

_OTHER_FILES = 200
_SWITCH_SECONDS = 0.0001
"""A thread that loads a version gives way to the one that answers after so long; 5 ms are Python's own."""
_GARBAGE_AFTER = 20_000
"""Objects until garbage is looked for: Python's 700 are two rounds of requests, which leave none."""
LOOK_EVERY = 0.1
"""Seconds between two looks at the champions."""


class Background:
    """What a worker does beside answering: following champions, ending old log files, measuring its own delay."""

    def __init__(self, service: Service, metrics: Metrics, overload: Overload, tracing: Tracing | None) -> None:
        self._service, self._metrics, self._overload, self._tracing = service, metrics, overload, tracing
        self._tasks: list[asyncio.Task[None]] = []
        self._loading: LoadingThreads | None = None
        self._unreachable = ""

    async def start(self) -> None:
        """Begin; what was loaded until now is no garbage, and is not looked through again."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE_AFTER)
        self._report()
        self._loading = LoadingThreads()
        self._tasks = [asyncio.create_task(self._follow(self._loading)), asyncio.create_task(self._overload.watch())]

    async def stop(self) -> None:
        """End, and close the log."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._loading is not None:
            self._loading.close()
        self._service.close()
        self._metrics.publish()
        if self._tracing is not None:
            self._tracing.close()
        gc.unfreeze()

    async def _follow(self, loading: LoadingThreads) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._metrics.publish()
            try:
                changed = await loading.run(self._service.look)
                self._service.rotate_log()
                self._unreachable = ""
            except Exception as error:  # this must not end: the worker would serve its versions for ever
                text = str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"
                if text != self._unreachable:
                    log_line("champions_unknown", error=text)
                self._unreachable = text
                continue
            self._service.write_counts()
            for followed in changed:
                version = followed.serving.version.number if followed.serving else None
                rollout = followed.candidate.facts if followed.candidate else None
                log_line("follows", model=followed.model, version=version, rollout=rollout, problem=followed.problem)
            if changed:
                self._report()

    def _report(self) -> None:
        for name, followed in self._service.followed.models.items():
            if followed.serving is not None:
                self._metrics.serves(name, followed.serving.version.number)


def server_config(
    service: Service, access: ServiceAccess, metrics: Metrics, tracing: Tracing | None = None, **more: Any
) -> uvicorn.Config:
    """Return what uvicorn runs in one worker."""
    overload = Overload(service.limits)
    background, routes = Background(service, metrics, overload, tracing), Routes(service, metrics, overload)
    app = App(
        service,
        access,
        metrics,
        overload,
        routes.table(),
        background.start,
        background.stop,
        routes.log,
        routes.synced,
        tracing,
    )
    protocol: Any = partial(GuardedProtocol, app, overload, metrics)
    return uvicorn.Config(
        app,
        http=protocol,
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
        **more,
    )


def run_worker(root: str, descriptor: int, port: int, names: tuple[str, ...], limits: Limits) -> None:
    """Answer until SIGTERM, then finish what has begun. Runs in a process of its own."""
    _allow_connections(limits.connections)
    sys.setswitchinterval(_SWITCH_SECONDS)
    ask_for_short_turns()
    try:
        project = open_project(Path(root))
        service = Service(project, limits)
        tracing = Tracing.of_environment(os.environ)
    except PlatformError as error:
        log_line("not_started", error=str(error))
        sys.exit(1)
    config = server_config(service, ServiceAccess.for_port(port, names), Metrics(), tracing)
    listening = socket.socket(fileno=descriptor)
    WorkerServer(config, listening).run()


def _allow_connections(count: int) -> None:
    """Let this process have enough files open for its connections, where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
