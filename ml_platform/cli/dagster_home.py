"""A project's own Dagster instance: its home folder, settings and workspace.

The command line starts Dagster as a process and imports none of it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from ml_platform.core.errors import PlatformError
from ml_platform.project import Project
from ml_platform.storage.atomic_write import write_durably
from ml_platform.storage.file_lock import file_lock

DEFINITIONS = "ml_platform_dagster.jobs.definitions"
_INSTANCE = "ml_platform_dagster.jobs.instance"


def dagster_environment(project: Project) -> dict[str, str]:
    """Return the environment in which Dagster finds its home and the project; the home has its settings."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {
        "DAGSTER_HOME": str(make_home(project)),
        "ML_PLATFORM_PROJECT": str(project.root.resolve()),
        "PYTHONUNBUFFERED": "1",
        # Threads of a fit sleep while they wait. Spinning, two fits on two cores take five times as long.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    }


def make_home(project: Project) -> Path:
    """Return the project's Dagster home, created with its settings where it is missing.

    Raises
    ------
    PlatformError
        Where Dagster and MLflow would write elsewhere: they take the path for a part of an address.
    """
    home = (project.state / "dagster").resolve()
    if any(sign in str(home) for sign in "%?"):
        raise PlatformError(
            f"{home}: Dagster and MLflow cannot write below a folder with % or ? in its path. Rename it."
        )
    settings = home / "dagster.yaml"
    if not settings.exists():
        with file_lock(lock_of(home)):
            if not settings.exists():
                write_durably(settings, _settings().read_bytes())
    return home


def lock_of(home: Path) -> Path:
    """Return the file whose lock a process holds while it creates or upgrades the instance's storage."""
    return home / "storage.lock"


def is_ready(home: Path) -> bool:
    """Return whether the instance's storage was created or upgraded by the installed version of Dagster."""
    marker = _marker(home)
    return marker.exists() and marker.read_text() == version("dagster")


def mark_ready(home: Path) -> None:
    """Record that the instance's storage is that of the installed version of Dagster."""
    write_durably(_marker(home), version("dagster").encode())


def _marker(home: Path) -> Path:
    return home / "storage.ready"


def prepare_storage(project: Project) -> None:
    """Create or upgrade the instance's storage before several processes of Dagster open it at the same time.

    Raises
    ------
    PlatformError
        Where the storage cannot be opened.
    """
    if is_ready(make_home(project)):
        return
    command = [sys.executable, "-m", _INSTANCE, "--project", str(project.root.resolve())]
    done = subprocess.run(
        command, env=dagster_environment(project), capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        raise PlatformError(done.stderr.strip() or f"Dagster's storage could not be prepared (exit {done.returncode}).")


def write_served_workspace(project: Project, socket: Path) -> Path:
    """Write the workspace file by which Dagster reaches a code server at a Unix socket, and return its path."""
    path = (project.state / "dagster").resolve() / "served.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server:\n      socket: {json.dumps(str(socket))}\n"
        f"      location_name: {project.spec.name}\n"
    )
    return path


def _settings() -> Path:
    """Find the packaged dagster.yaml beside the definitions, without importing them."""
    spec = importlib.util.find_spec("ml_platform_dagster.jobs")
    if spec is None or spec.origin is None:
        raise PlatformError("the Dagster layer is not installed. Install the ml-platform wheel again.")
    return Path(spec.origin).parent / "dagster.yaml"
