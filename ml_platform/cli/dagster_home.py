"""A project's own Dagster instance: its home folder, settings and workspace.

The command line starts Dagster as a process and imports none of it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from ml_platform.errors import PlatformError
from ml_platform.project import Project

DEFINITIONS = "ml_platform_dagster.jobs.definitions"


def dagster_environment(project: Project) -> dict[str, str]:
    """Return the environment in which Dagster finds its home and the project; the home is made ready."""
    home = project.state / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        shutil.copyfile(_settings(), settings)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {
        "DAGSTER_HOME": str(home.resolve()),
        "ML_PLATFORM_PROJECT": str(project.root.resolve()),
        "PYTHONUNBUFFERED": "1",
        # Threads of a fit sleep while they wait. Spinning, two fits on two cores take five times as long.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    }


def write_workspace(project: Project) -> Path:
    """Write the workspace file that tells Dagster where the project's definitions are, and return its path.

    The working directory is the Dagster home: folders of the project called ``jobs`` or ``assets`` shadow nothing.
    """
    home = (project.state / "dagster").resolve()
    path = home / "workspace.yaml"
    path.write_text(
        "load_from:\n"
        "  - python_module:\n"
        f"      module_name: {DEFINITIONS}\n"
        f'      working_directory: "{home}"\n'
        f"      location_name: {project.spec.name}\n"
    )
    return path


def _settings() -> Path:
    """Find the packaged dagster.yaml beside the definitions, without importing them."""
    found = importlib.util.find_spec("ml_platform_dagster.jobs")
    if found is None or found.origin is None:
        raise PlatformError("the Dagster layer is not installed. Install the ml-platform wheel again.")
    return Path(found.origin).parent / "dagster.yaml"
