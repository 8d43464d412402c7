"""Checks of a machine and a project before anything runs: what is wrong, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ml_platform.core.errors import PlatformError, listed
from ml_platform.core.formatting import counted
from ml_platform.project import Project, open_project
from ml_platform.reporting.mlflow.client import reachable
from ml_platform.sources.clock_check import clock_note

_FREE_GB = 2.0
_OLDEST_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_CLOCK_SLACK = timedelta(minutes=5)
_PYTHONS = ((3, 11), (3, 14))
PORTS = {3000: "up --port PORT", 5000: "up --mlflow-port PORT", 8000: "serve --port PORT"}
"""Ports on which the commands serve by default, and the option that names another one."""


@dataclass(frozen=True)
class Checked:
    """One check: its name, whether it passed, its result, and what to do where it failed."""

    name: str
    ok: bool
    result: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


def check_up(directory: Path, now: datetime) -> list[Checked]:
    """Return every check of the machine and of the project, in order.

    Parameters
    ----------
    now
        The machine's time.
    """
    checks = [
        _python(),
        _package("dagster"),
        _package("dagster-webserver"),
        _package("mlflow"),
        _ports(),
        _disk(directory),
    ]
    try:
        project = open_project(directory)
    except PlatformError as error:
        return [
            *checks,
            Checked("declarations", False, str(error).splitlines()[-1], "ml-platform validate lists them."),
        ]
    checks.append(Checked("declarations", True, f"{counted(len(project.spec.models), 'model')} in {directory}"))
    return [*checks, *_of_project(project, now)]


def _of_project(project: Project, now: datetime) -> Iterator[Checked]:
    yield _permissions(project)
    yield _tried("database", lambda: _database(project), "Or name another one in storage.database of project.yaml.")
    yield _clock(project, now)
    yield _mlflow(project)


def _python() -> Checked:
    here = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    first, beyond = _PYTHONS
    ok = first <= sys.version_info[:2] < beyond
    return Checked("python", ok, here, "" if ok else "Install Python 3.11, 3.12 or 3.13.")


def _package(name: str) -> Checked:
    try:
        return Checked(name, True, version(name))
    except PackageNotFoundError:
        return Checked(name, False, "not installed", f"pip install {name}")


def _ports() -> Checked:
    """Return which ports are taken. This is no failed check: `up` itself, or another project, may serve there."""
    taken = [port for port in PORTS if _is_taken(port)]
    if not taken:
        return Checked("ports", True, f"{listed(PORTS)} are free")
    remedy = f"Where it is not this project that serves there: ml-platform {listed(PORTS[port] for port in taken)}."
    return Checked("ports", True, f"{listed(taken)} {'is' if len(taken) == 1 else 'are'} taken", remedy)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _disk(directory: Path) -> Checked:
    place = next(path for path in (directory.resolve(), *directory.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    ok = free >= _FREE_GB
    return Checked("disk", ok, f"{free:.1f} GB free", "" if ok else f"Free {_FREE_GB:g} GB, or move storage.state.")


def _permissions(project: Project) -> Checked:
    """Return whether the state folder and every folder in it can be written, and by this user alone.

    Where the state folder does not exist yet, it is the folder that it is made in.
    """
    state = project.root / project.spec.file.storage.state
    place = next(path for path in (state, *state.parents) if path.exists())
    folders = [place, *(path for path in sorted(state.glob("*")) if path.is_dir())]
    closed = [path for path in folders if not os.access(path, os.R_OK | os.W_OK | os.X_OK)]
    shared = [path for path in folders if place == state and path.stat().st_mode & stat.S_IWOTH]
    if closed:
        remedy = f"Give this user the right to read and write {closed[0]}, or name another folder in storage.state."
        return Checked("permissions", False, f"{listed(closed)} not writable", remedy)
    if shared:
        return Checked("permissions", False, f"every user can write to {listed(shared)}", f"chmod o-w {shared[0]}")
    return Checked("permissions", True, f"{place} is writable")


def _database(project: Project) -> str:
    with project.database.reading():
        return str(project.database.engine.dialect.name)


def _clock(project: Project, now: datetime) -> Checked:
    """Return whether the machine's time is plausible: after this version was made, and not before stored files."""
    state = project.root / project.spec.file.storage.state
    shown, remedy = _minute(now), "Set the machine's clock, such as with NTP."
    if now < _OLDEST_NOW:
        return Checked("clock", False, f"{shown} is before this version of the platform was made", remedy)
    written = {path: datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in state.glob("*")}
    newest = max(written, key=lambda path: written[path], default=None)
    if newest is not None and written[newest] > now + _CLOCK_SLACK:
        return Checked("clock", False, f"{shown} is before {newest} was written, {_minute(written[newest])}", remedy)
    with suppress(PlatformError):  # a database that does not answer has a check of its own
        if note := clock_note(project.database, project.clock.now()):
            return Checked("clock", False, shown, note)
    return Checked("clock", True, shown)


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _mlflow(project: Project) -> Checked:
    ok = reachable(project.mlflow_uri)
    state = f"{project.mlflow_address} {'answers' if ok else 'does not answer'}"
    return Checked("mlflow server", ok, state, "" if ok else "Start it, or correct storage.mlflow in project.yaml.")


def _tried(name: str, work: Callable[[], str], remedy: str) -> Checked:
    try:
        return Checked(name, True, work())
    except (PlatformError, OSError) as error:
        return Checked(name, False, str(error), remedy)
